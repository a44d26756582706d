// A resource server on Spring Boot: Spring Security verifies by application.yaml, and fetches the issuer's keys.
//   cd examples/spring && mvn -q package
//   ISSUER=http://localhost:3000 AUDIENCE=https://api.example.com PORT=4000 java -jar target/api.jar
//   curl -H "Authorization: Bearer TOKEN" http://localhost:4000/
package com.example;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.autoconfigure.security.oauth2.resource.servlet.JwkSetUriJwtDecoderBuilderCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

@SpringBootApplication
@RestController
public class Api {
  public static void main(String[] args) {
    SpringApplication.run(Api.class, args);
  }

  @GetMapping("/")
  Map<String, Object> me(@AuthenticationPrincipal Jwt token) {
    return token.getClaims();
  }

  // By itself it takes no typ but JWT.
  @Bean
  JwkSetUriJwtDecoderBuilderCustomizer accessTokens() {
    return builder -> builder.jwtProcessorCustomizer(processor -> processor.setJWSTypeVerifier(
        new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt"))));
  }
}
