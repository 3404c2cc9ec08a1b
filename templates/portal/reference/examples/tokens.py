import os

import requests

portal = requests.Session()
portal.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"
api = os.environ["PORTAL"] + "/api/v1"

for account in portal.get(f"{api}/accounts/").json()["results"]:
    print(account["name"])
