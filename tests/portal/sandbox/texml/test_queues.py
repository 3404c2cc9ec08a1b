"""A queue goes by its name, and is the same that Call Control knows."""

from tests.support.sandbox_http import Http, refusal
from tests.support.sandbox_texml import Account

NOT_FOUND = (404, {"errors": [{"detail": "Resource not found"}]})


def test_a_queue_keeps_its_size(account: Account) -> None:
    made = account("POST", "Queues", {"FriendlyName": "my queue", "MaxSize": 3})[1]
    assert (made["sid"], made["max_size"], made["current_size"]) == ("my queue", 3, 0)
    assert made["uri"] == f"/Accounts/{account.sid}/Queues/my queue.json"
    assert account.form("Queues/my queue", {"MaxSize": "7"})[1]["max_size"] == 7
    assert account("GET", "Queues/my queue")[1]["max_size"] == 7


def test_call_control_knows_it(http: Http, account: Account) -> None:
    account("POST", "Queues", {"FriendlyName": "support"})
    assert http("GET", "/v2/queues/support")[1]["data"]["name"] == "support"


def test_a_name_may_hold_a_slash(http: Http, account: Account) -> None:
    account("POST", "Queues", {"FriendlyName": "a/b"})
    assert http("GET", f"/v2/texml/Accounts/{account.sid}/Queues/a%2Fb")[1]["sid"] == "a/b"
    assert http("GET", "/v2/queues/a%2Fb")[1]["data"]["name"] == "a/b"


def test_who_waits_is_counted_and_keeps_it_from_being_deleted(account: Account, talking: str, http: Http) -> None:
    assert http.act(talking, "enqueue", queue_name="support")[0] == 200
    assert account("GET", "Queues/support")[1]["current_size"] == 1
    assert refusal(account("DELETE", "Queues/support"))[:2] == (400, "90050")


def test_a_deleted_queue_is_gone(account: Account) -> None:
    account("POST", "Queues", {"FriendlyName": "support"})
    assert account("DELETE", "Queues/support") == (204, None)
    for method, body in (("GET", None), ("POST", {"MaxSize": 2}), ("DELETE", None)):
        assert account(method, "Queues/support", body) == NOT_FOUND


def test_a_name_is_needed_and_only_taken_once(account: Account) -> None:
    assert refusal(account("POST", "Queues", {})) == (422, "10004", "/FriendlyName")
    account("POST", "Queues", {"FriendlyName": "support"})
    assert refusal(account("POST", "Queues", {"FriendlyName": "support"})) == (422, "10012", "/FriendlyName")
    assert refusal(account("POST", "Queues/support", {"MaxSize": 0})) == (422, "10033", "/MaxSize")
