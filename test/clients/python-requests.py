"""Makes the documented calls with requests. Needs BASE_URL, CLIENT_ID and CLIENT_SECRET. Fails at the first wrong
response."""

import os
import uuid
from datetime import datetime, timedelta, timezone

import requests

base = os.environ["BASE_URL"]
interactions = f"{base}/rtc-api/interactions"

granted = requests.post(
    f"{base}/security/oauth/token",
    data={"grant_type": "client_credentials"},
    auth=(os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]),
)
granted.raise_for_status()
headers = {"Accept": "application/json", "Authorization": f"Bearer {granted.json()['access_token']}"}


def expect(status, response):
    assert response.status_code == status, f"{response.status_code} instead of {status}: {response.text}"
    return response


def create():
    created = expect(200, requests.post(interactions, json={"type": "chat", "data": data}, headers=headers)).json()
    assert created["version"] == 0, created
    return created["interactionId"]


def list_page(page):
    now = datetime.now(timezone.utc)
    parameters = {
        "start": (now - timedelta(hours=12)).isoformat(),
        "end": (now + timedelta(hours=12)).isoformat(),
        "type": ["audio", "chat"],
        "tags": "vip",
        "customerId": data["customerId"],
        "sort": "createdAt,asc",
        "size": 1,
        "page": page,
    }
    found = expect(200, requests.get(interactions, params=parameters, headers=headers)).json()
    assert (found["totalElements"], found["totalPages"], found["number"]) == (2, 2, page), found
    return found


# A number that does not fit into a float comes back with all its digits.
data = {"customerId": f"python-{uuid.uuid4()}", "tags": ["vip"], "ticket": 12345678901234567890}

first = create()

read = expect(200, requests.get(f"{interactions}/{first}", headers=headers)).json()
assert (read["id"], read["type"], read["data"], read["version"]) == (first, "chat", data, 0), read
created_at = datetime.strptime(read["createdAt"], "%Y-%m-%dT%H:%M:%S.%f%z")
assert abs(datetime.now(timezone.utc) - created_at) < timedelta(hours=1), read

change = {"data": {**data, "tags": ["vip", "callback"]}, "version": 0}
expect(204, requests.put(f"{interactions}/{first}", json=change, headers=headers))
expect(409, requests.put(f"{interactions}/{first}", json=change, headers=headers))

second = create()
found = list_page(0)
assert [(row["id"], row["version"]) for row in found["content"]] == [(first, 1)], found
assert (found["first"], found["last"]) == (True, False), found
found = list_page(1)
assert [row["id"] for row in found["content"]] == [second], found
assert (found["first"], found["last"]) == (False, True), found
