import os

import requests

portal = requests.Session()
portal.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"
api = os.environ["PORTAL"] + "/api/v1"

answer = portal.get(f"{api}/calls/", params={"nummer": "0001"})
if not answer.ok:
    problem = answer.json()
    for field, messages in problem.get("errors", {}).items():
        print(problem["status"], problem["code"], field, *messages)
