"""The rows F01–F47 of the fault matrix that no test of this suite plays, each with the reason; ``docs/faults.md`` has
the matrix itself.
"""

ROWS = [f"F{number:02}" for number in range(1, 48)]
ELSEWHERE = "no server has to be broken for it: tests/{}"
SKIPPED = {
    "F07": "needs gigabytes: an event that eats all memory of its worker",
    "F09": "needs a second PostgreSQL that replicates: a failover is the operator's choice of database",
    "F12": "needs mount rights: a data disk that is full",
    "F13": "needs mount rights: a log disk that is full",
    "F15": ELSEWHERE.format("voice/calls/test_projection.py"),
    "F18": "there is no erasure yet that a late recording could undo",
    "F27": ELSEWHERE.format("applications/editing/test_adoption.py"),
    "F29": ELSEWHERE.format("applications/editing/test_service.py"),
    "F30": ELSEWHERE.format("applications/editing/test_conflict.py"),
    "F31": ELSEWHERE.format("applications/editing/test_edit_lock.py"),
    "F32": ELSEWHERE.format("applications/pulls/test_pulls.py"),
    "F33": ELSEWHERE.format("applications/mirror/test_store.py"),
    "F34": ELSEWHERE.format("voice/events/test_webhooks.py"),
    "F35": ELSEWHERE.format("portal/test_encryption.py"),
    "F37": ELSEWHERE.format("voice/recovery/test_backfill.py"),
    "F38": ELSEWHERE.format("voice/recovery/test_backfill.py"),
    "F39": ELSEWHERE.format("voice/recovery/test_runs.py"),
    "F40": "there is no retention job yet that could be killed",
}
