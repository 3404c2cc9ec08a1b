import os
import uuid

import requests

portal = requests.Session()
portal.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"
api = os.environ["PORTAL"] + "/api/v1"

key = {"Idempotency-Key": str(uuid.uuid4())}  # kept until the answer has come
application = portal.get(f"{api}/call-control-applications/").json()["results"][0]
flow = {"name": "Thanks", "connection_id": application["id"], "active": False, "rules": []}
first = portal.post(f"{api}/flows/", json=flow, headers=key)
again = portal.post(f"{api}/flows/", json=flow, headers=key)  # nothing is made twice
print(first.status_code, again.headers["Idempotent-Replayed"], first.json()["id"] == again.json()["id"])
