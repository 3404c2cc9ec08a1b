"""A payment goes step by step and tells no card."""

from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver


def test_a_payment_goes_step_by_step_and_tells_no_card(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "pay", amount=9.5, currency="USD")
    done = receiver.wait("call.payment.completed", answered).payload
    assert (done["result"], bool(done["charge_id"]), done["token_id"]) == ("success", True, None)
    steps = [hook.payload for hook in receiver.hooks if hook.type == "call.payment.progress"]
    assert [step["payment_step"] for step in steps][:2] == ["payment-card-number", "expiration-date"]
    for payload in (done, *steps):
        assert not {"payment_card_number", "security_code", "expiration_date", "bank_account_number"} & set(payload)


def test_a_payment_of_somebody_who_leaves_is_cancelled(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "pay", payment_method="ach-debit", transaction_type="tokenize")
    http.act(answered, "hangup")
    done = receiver.wait("call.payment.completed", answered).payload
    assert (done["result"], done["token_id"]) == ("cancelled", None)
