"""Takes a payment (``pay``): a card or an account is asked for, digit by digit, and charged. Nothing of either is ever
told here.

Events: the SDK's models (``call.payment.progress``, ``call.payment.completed``); the public document lacks both.
"""

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call

KIND = "payment"
STEP_SECONDS = 0.5
_STEPS = {
    "credit-card": ("payment-card-number", "expiration-date", "security-code", "payment-processing"),
    "ach-debit": ("bank-routing-number", "bank-account-number", "payment-processing"),
}


def pay(exchange: Exchange, call: Call, body: JsonObject) -> None:
    method = body.get("payment_method", "credit-card")
    call.running[KIND] = [
        {
            "method": method,
            "connector": body.get("connector_name", "Default"),
            "steps": list(_STEPS[method]),
            "tokenize": body.get("transaction_type") == "tokenize",
        }
    ]
    exchange.after(STEP_SECONDS, call, "pay_step")


def hang_up(exchange: Exchange, call: Call) -> None:
    if call.running.get(KIND):
        _complete(exchange, call, "cancelled")


def _step(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    for payment in call.running.get(KIND, []):
        if not payment["steps"]:
            _complete(exchange, call, "success")
            return
        step = payment["steps"].pop(0)
        status = "processing" if step == "payment-processing" else "completed"
        more = {"payment_connector": payment["connector"], "payment_method": payment["method"]}
        exchange.emit(
            call, "call.payment.progress", attempt=1, payment_step=step, payment_status=status, error_type=None, **more
        )
        exchange.after(STEP_SECONDS, call, "pay_step")


def _complete(exchange: Exchange, call: Call, result: str) -> None:
    (payment,) = call.running.pop(KIND)
    done = result == "success"
    exchange.emit(
        call,
        "call.payment.completed",
        result=result,
        payment_connector=payment["connector"],
        payment_method=payment["method"],
        charge_id=_reference("ch") if done and not payment["tokenize"] else None,
        token_id=_reference("tok") if done and payment["tokenize"] else None,
        payment_confirmation_code=chance.hexadecimal(4) if done else None,
        payment_error=None,
        connector_error=None,
        pay_error_code=None,
    )


def _reference(kind: str) -> str:
    return f"{kind}_{chance.hexadecimal(8)}"


TIMERS: dict[str, TimerFunction] = {"pay_step": _step}
