// Makes the documented calls with Java's HttpURLConnection. Needs BASE_URL, CLIENT_ID and CLIENT_SECRET. Fails at the
// first wrong response. Java has no JSON parser, so regular expressions check the responses.

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

class Client {
  static final String BASE = System.getenv("BASE_URL");
  static final String INTERACTIONS = BASE + "/rtc-api/interactions";
  static final String CUSTOMER = "java-" + System.nanoTime();
  static String token;

  public static void main(String[] arguments) throws IOException {
    String credentials =
        "?grant_type=client_credentials&client_id="
            + encode(System.getenv("CLIENT_ID"))
            + "&client_secret="
            + encode(System.getenv("CLIENT_SECRET"));
    token = find("\"access_token\":\"([^\"]+)\"", call(200, "POST", BASE + "/security/oauth/token" + credentials, ""));

    String first = create();

    String read = call(200, "GET", INTERACTIONS + "/" + first, null);
    find("\"id\":\"" + first + "\"", read);
    find("\"type\":\"chat\"", read);
    find(Pattern.quote("\"data\":" + data("\"vip\"")), read);
    find("\"version\":0\\b", read);
    Instant createdAt = Instant.parse(find("\"createdAt\":\"([^\"]+)\"", read));
    if (Duration.between(createdAt, Instant.now()).abs().toHours() > 0) throw new IOException("created at " + createdAt);

    String change = "{\"type\":null,\"data\":" + data("\"vip\",\"callback\"") + ",\"version\":0}";
    call(204, "PUT", INTERACTIONS + "/" + first, change);
    call(409, "PUT", INTERACTIONS + "/" + first, change);

    String second = create();
    String page = list(0);
    find("\"content\":\\[\\{\"id\":\"" + first + "\"", page);
    find("\"version\":1\\b", page);
    find("\"first\":true", page);
    find("\"last\":false", page);
    page = list(1);
    find("\"content\":\\[\\{\"id\":\"" + second + "\"", page);
    find("\"number\":1\\b", page);
    find("\"last\":true", page);
  }

  static String create() throws IOException {
    String body = "{\"interactionId\":null,\"type\":\"chat\",\"data\":" + data("\"vip\"") + ",\"organizationId\":null}";
    String created = call(200, "POST", INTERACTIONS, body);
    find("\"version\":0\\b", created);
    return find("\"interactionId\":\"([^\"]+)\"", created);
  }

  static String list(int page) throws IOException {
    String found =
        call(
            200,
            "GET",
            INTERACTIONS
                + "?start=" + encode(Instant.now().minus(Duration.ofHours(12)).toString())
                + "&end=" + encode(Instant.now().plus(Duration.ofHours(12)).toString())
                + "&type=audio,chat&tags=vip&customerId=" + CUSTOMER
                + "&sort=createdAt,asc&size=1&page=" + page,
            null);
    find("\"totalElements\":2\\b", found);
    find("\"totalPages\":2\\b", found);
    return found;
  }

  static String data(String tags) {
    return "{\"customerId\":\"" + CUSTOMER + "\",\"tags\":[" + tags + "]}";
  }

  /** Makes a call; `body` may be null. */
  static String call(int expected, String method, String address, String body) throws IOException {
    HttpURLConnection connection = (HttpURLConnection) URI.create(address).toURL().openConnection();
    connection.setRequestMethod(method);
    if (token != null) {
      connection.setRequestProperty("Authorization", "Bearer " + token);
      connection.setRequestProperty("Content-Type", "application/json");
    }
    if (body != null) {
      connection.setDoOutput(true);
      connection.getOutputStream().write(body.getBytes(StandardCharsets.UTF_8));
    }
    int status = connection.getResponseCode();
    String response;
    try (InputStream stream = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
      response = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    }
    if (status != expected) throw new IOException(method + ": " + status + " instead of " + expected + ": " + response);
    return response;
  }

  /** Returns the first group of the first match, or the match itself if the pattern has no group. */
  static String find(String pattern, String response) throws IOException {
    Matcher matcher = Pattern.compile(pattern).matcher(response);
    if (!matcher.find()) throw new IOException("no " + pattern + " in " + response);
    return matcher.group(matcher.groupCount());
  }

  static String encode(String value) {
    return URLEncoder.encode(value, StandardCharsets.UTF_8);
  }
}
