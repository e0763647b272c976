// Makes the documented calls with Go's net/http. Needs BASE_URL, CLIENT_ID and CLIENT_SECRET. Fails at the first wrong
// response.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

type interaction struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"createdAt"`
	Type      string    `json:"type"`
	Data      struct {
		CustomerID string   `json:"customerId"`
		Tags       []string `json:"tags"`
	} `json:"data"`
	Version int64 `json:"version"`
}

type page struct {
	Content       []interaction `json:"content"`
	TotalElements int64         `json:"totalElements"`
	TotalPages    int           `json:"totalPages"`
	Number        int           `json:"number"`
	First         bool          `json:"first"`
	Last          bool          `json:"last"`
}

var token string

// call makes a request and decodes its JSON response into target, unless target is nil.
func call(expected int, method, path, contentType, body string, target any) {
	request, err := http.NewRequest(method, os.Getenv("BASE_URL")+path, strings.NewReader(body))
	check(err)
	request.Header.Set("Accept", "application/json")
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	check(err)
	defer response.Body.Close()
	require(response.StatusCode == expected, "%s %s: %s instead of %d", method, path, response.Status, expected)
	if target != nil {
		check(json.NewDecoder(response.Body).Decode(target))
	}
}

func check(err error) {
	require(err == nil, "%v", err)
}

func require(holds bool, format string, values ...any) {
	if !holds {
		log.Fatalf(format, values...)
	}
}

func main() {
	log.SetFlags(0)
	credentials := url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {os.Getenv("CLIENT_ID")},
		"client_secret": {os.Getenv("CLIENT_SECRET")},
	}
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	call(200, "POST", "/security/oauth/token", "application/x-www-form-urlencoded", credentials.Encode(), &granted)
	token = granted.AccessToken

	customer := fmt.Sprintf("go-%d", time.Now().UnixNano())
	create := func() string {
		var created struct {
			InteractionID string `json:"interactionId"`
			Version       int64  `json:"version"`
		}
		body := fmt.Sprintf(`{"type": "chat", "data": {"customerId": %q, "tags": ["vip"]}}`, customer)
		call(200, "POST", "/rtc-api/interactions", "application/json", body, &created)
		require(created.InteractionID != "" && created.Version == 0, "created: %+v", created)
		return created.InteractionID
	}
	first := create()

	var read interaction
	call(200, "GET", "/rtc-api/interactions/"+first, "", "", &read)
	require(read.ID == first && read.Type == "chat" && read.Version == 0, "read: %+v", read)
	require(read.Data.CustomerID == customer && read.Data.Tags[0] == "vip", "read: %+v", read)
	require(time.Since(read.CreatedAt).Abs() < time.Hour, "read: %+v", read)

	change := fmt.Sprintf(`{"data": {"customerId": %q, "tags": ["vip", "callback"]}, "version": 0}`, customer)
	call(204, "PUT", "/rtc-api/interactions/"+first, "application/json", change, nil)
	call(409, "PUT", "/rtc-api/interactions/"+first, "application/json", change, nil)

	second := create()
	list := func(number string) (found page) {
		query := url.Values{
			"start":      {time.Now().Add(-12 * time.Hour).Format(time.RFC3339Nano)},
			"end":        {time.Now().Add(12 * time.Hour).Format(time.RFC3339Nano)},
			"type":       {"audio", "chat"},
			"tags":       {"vip"},
			"customerId": {customer},
			"sort":       {"createdAt,asc"},
			"size":       {"1"},
			"page":       {number},
		}
		call(200, "GET", "/rtc-api/interactions?"+query.Encode(), "", "", &found)
		require(found.TotalElements == 2 && found.TotalPages == 2 && len(found.Content) == 1, "list: %+v", found)
		return found
	}
	found := list("0")
	require(found.Content[0].ID == first && found.Content[0].Version == 1, "list: %+v", found)
	require(found.First && !found.Last, "list: %+v", found)
	found = list("1")
	require(found.Content[0].ID == second && found.Number == 1 && found.Last, "list: %+v", found)
}
