"""Gets and uses a token with requests-oauthlib. Needs BASE_URL, CLIENT_ID and CLIENT_SECRET."""

import os

from oauthlib.oauth2 import BackendApplicationClient, InvalidClientError
from requests_oauthlib import OAuth2Session

base = os.environ["BASE_URL"]
client_id = os.environ["CLIENT_ID"]
# By default the library rejects URLs without TLS.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

metadata = OAuth2Session(client=BackendApplicationClient(client_id=client_id))
endpoint = metadata.get(f"{base}/.well-known/oauth-authorization-server", withhold_token=True).json()["token_endpoint"]

# First with HTTP Basic, then with credentials in the form.
for in_form in [False, True]:
    session = OAuth2Session(client=BackendApplicationClient(client_id=client_id, scope=["interactions"]))
    token = session.fetch_token(
        endpoint, client_id=client_id, client_secret=os.environ["CLIENT_SECRET"], include_client_id=in_form
    )
    assert token["token_type"].lower() == "bearer" and token["scope"] == ["interactions"], token
    created = session.post(f"{base}/rtc-api/interactions", json={"type": "chat"})
    assert created.status_code == 200, created.text
    read = session.get(f"{base}/rtc-api/interactions/{created.json()['interactionId']}")
    assert (read.status_code, read.json()["createdBy"]) == (200, client_id), read.text

try:
    session.fetch_token(endpoint, client_id=client_id, client_secret="wrong")
    raise AssertionError("a wrong secret was accepted")
except InvalidClientError:
    pass
