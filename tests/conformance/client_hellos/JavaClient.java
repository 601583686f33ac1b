import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import java.util.List;

/** Dials with JSSE and fails: the ClientHello is what is wanted. Run by make_client_hellos.py: PORT NAME KIND. */
class JavaClient {
  public static void main(String[] args) throws Exception {
    int port = Integer.parseInt(args[0]);
    try {
      if (args[2].equals("http")) {  // "localhost" is the name that this API cannot be talked out of
        HttpClient.newHttpClient().send(
            HttpRequest.newBuilder(URI.create("https://localhost:" + port + "/")).build(),
            HttpResponse.BodyHandlers.ofString());
        return;
      }
      SSLSocket socket = (SSLSocket) SSLSocketFactory.getDefault().createSocket("127.0.0.1", port);
      SSLParameters parameters = socket.getSSLParameters();
      parameters.setServerNames(List.of(new SNIHostName(args[1])));
      socket.setSSLParameters(parameters);
      socket.startHandshake();
    } catch (java.io.IOException expected) {
      // The other side hangs up.
    }
  }
}
