// A verifier of the laboratory: Spring Security's NimbusJwtDecoder with Nimbus's own cache. A token a line, an answer a
// line.
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.util.DefaultResourceRetriever;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.util.List;
import org.springframework.security.oauth2.core.DelegatingOAuth2TokenValidator;
import org.springframework.security.oauth2.jwt.JwtClaimValidator;
import org.springframework.security.oauth2.jwt.JwtException;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;

public class Verify {
  public static void main(String[] args) throws Exception {
    long lifetime = 1000 * Long.parseLong(System.getenv("JWKS_CACHE_LIFETIME"));
    // Nimbus by itself gives up after half a second, which is less than a balancer takes to pass over a dead replica.
    var retriever = new DefaultResourceRetriever(5000, 5000);
    var keys = JWKSourceBuilder.create(URI.create(System.getenv("JWKS_URI")).toURL(), retriever)
        .cache(lifetime, Math.min(lifetime, 1000))
        .refreshAheadCache(false)
        .rateLimited(false)
        .build();
    var processor = new DefaultJWTProcessor<SecurityContext>();
    processor.setJWSKeySelector(new JWSVerificationKeySelector<>(JWSAlgorithm.RS256, keys));
    processor.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt")));
    processor.setJWTClaimsSetVerifier((claims, context) -> {});
    var decoder = new NimbusJwtDecoder(processor);
    var audience = new JwtClaimValidator<List<String>>("aud", aud -> aud != null && aud.contains(args[1]));
    decoder.setJwtValidator(new DelegatingOAuth2TokenValidator<>(JwtValidators.createDefaultWithIssuer(args[0]), audience));
    var input = new BufferedReader(new InputStreamReader(System.in));
    for (String token; (token = input.readLine()) != null; ) {
      try {
        System.out.println("accepted: " + decoder.decode(token).getSubject());
      } catch (JwtException error) {
        System.out.println("refused: " + error.getMessage().replace('\n', ' '));
      }
    }
  }
}
