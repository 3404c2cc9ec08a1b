import os

import requests

portal = requests.Session()
portal.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"

url = os.environ["PORTAL"] + "/api/v1/calls/?page_size=250"
while url:
    page = portal.get(url).json()
    for call in page["results"]:
        print(call["call_control_id"], call["state"])
    url = page["next"]
