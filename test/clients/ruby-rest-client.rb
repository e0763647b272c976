# Makes the documented calls with rest-client. Needs BASE_URL, CLIENT_ID and CLIENT_SECRET. Fails at the first wrong
# response: rest-client raises an error for statuses of 400 and above.
require 'json'
require 'rest-client'
require 'securerandom'
require 'time'

BASE = ENV.fetch('BASE_URL')
INTERACTIONS = "#{BASE}/rtc-api/interactions"

granted = RestClient.post "#{BASE}/security/oauth/token",
                          grant_type: 'client_credentials',
                          client_id: ENV.fetch('CLIENT_ID'),
                          client_secret: ENV.fetch('CLIENT_SECRET')
HEADERS = {
  accept: :json,
  content_type: :json,
  authorization: "Bearer #{JSON.parse(granted)['access_token']}"
}.freeze
DATA = { 'customerId' => "ruby-#{SecureRandom.uuid}", 'tags' => ['vip'] }.freeze

def expect(expected, found)
  raise "#{found.inspect} instead of #{expected.inspect}" unless found == expected
end

def create
  created = JSON.parse(RestClient.post(INTERACTIONS, { type: 'chat', data: DATA }.to_json, HEADERS))
  expect 0, created['version']
  created['interactionId']
end

def list(page)
  day = {
    start: (Time.now - 12 * 3600).iso8601,
    end: (Time.now + 12 * 3600).iso8601,
    type: 'audio,chat',
    tags: 'vip',
    customerId: DATA['customerId'],
    sort: 'createdAt,asc',
    size: 1,
    page: page
  }
  found = JSON.parse(RestClient.get(INTERACTIONS, HEADERS.merge(params: day)))
  expect [2, 2, page], found.values_at('totalElements', 'totalPages', 'number')
  found
end

first = create

read = JSON.parse(RestClient.get("#{INTERACTIONS}/#{first}", HEADERS))
expect [first, 'chat', DATA, 0], read.values_at('id', 'type', 'data', 'version')
raise read['createdAt'] if (Time.iso8601(read['createdAt']) - Time.now).abs > 3600

change = { data: DATA.merge('tags' => %w[vip callback]), version: 0 }.to_json
expect 204, RestClient.put("#{INTERACTIONS}/#{first}", change, HEADERS).code
begin
  RestClient.put("#{INTERACTIONS}/#{first}", change, HEADERS)
  raise 'a stale update was accepted'
rescue RestClient::Conflict => e
  expect 'conflict', JSON.parse(e.response)['error']
end

second = create
found = list(0)
expect([[first, 1]], found['content'].map { |row| row.values_at('id', 'version') })
expect [true, false], found.values_at('first', 'last')
found = list(1)
expect([[second, 0]], found['content'].map { |row| row.values_at('id', 'version') })
expect [false, true], found.values_at('first', 'last')
