#!/bin/sh
# Makes the documented calls with curl. Needs BASE_URL, CLIENT_ID and CLIENT_SECRET. Fails at the first wrong response.
set -eu
interactions=$BASE_URL/rtc-api/interactions
customer=curl-$$-$(date +%s)
response=$(mktemp)
trap 'rm -f "$response"' EXIT

fail() {
  echo "$1" >&2
  cat "$response" >&2
  exit 1
}

# expect STATUS CURL-ARGUMENT...: makes a call and writes its body to $response.
expect() {
  expected=$1
  shift
  status=$(curl -sS -o "$response" -w '%{http_code}' "$@")
  [ "$status" = "$expected" ] || fail "$status instead of $expected: curl $*"
}

# holds JQ-CONDITION: fails unless the response meets the condition.
holds() {
  jq -e --arg customer "$customer" --arg first "${first-}" --arg second "${second-}" "$1" "$response" >/dev/null ||
    fail "the response does not meet: $1"
}

expect 200 -u "$CLIENT_ID:$CLIENT_SECRET" -d grant_type=client_credentials "$BASE_URL/security/oauth/token"
authorization="Authorization: Bearer $(jq -r .access_token "$response")"

create() {
  expect 200 -X POST "$interactions" -H 'Content-Type: application/json' -H 'Accept: application/json' \
    -H "$authorization" -d "{\"type\": \"chat\", \"data\": {\"customerId\": \"$customer\", \"tags\": [\"vip\"]}}"
  holds '.version == 0'
}

create
first=$(jq -r .interactionId "$response")

expect 200 -X GET "$interactions/$first" -H 'Accept: application/json' -H "$authorization"
holds '.id == $first and .type == "chat" and .version == 0 and .data == {"customerId": $customer, "tags": ["vip"]}'

update() {
  expect "$1" -X PUT "$interactions/$first" -H 'Content-Type: application/json' -H 'Accept: */*' -H "$authorization" \
    -d "{\"data\": {\"customerId\": \"$customer\", \"tags\": [\"vip\", \"callback\"]}, \"version\": 0}"
}

update 204
update 409

create
second=$(jq -r .interactionId "$response")

list() {
  expect 200 -G "$interactions" -H 'Accept: application/json' -H "$authorization" \
    --data-urlencode "start=$(date -u -d '-12 hours' +%FT%TZ)" --data-urlencode "end=$(date -u -d '+12 hours' +%FT%TZ)" \
    -d type=audio,chat -d tags=vip -d "customerId=$customer" -d sort=createdAt,asc -d size=1 -d "page=$1"
  holds '.totalElements == 2 and .totalPages == 2'
}

list 0
holds '.content[0].id == $first and .content[0].version == 1 and .first and (.last | not)'
list 1
holds '.content[0].id == $second and .number == 1 and .last'
