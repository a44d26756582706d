// A resource server on net/http: golang-jwt verifies, and keyfunc fetches the issuer's keys.
//
//	cd examples/go && ISSUER=http://localhost:3000 AUDIENCE=https://api.example.com PORT=4000 go run .
//	curl -H "Authorization: Bearer TOKEN" http://localhost:4000/
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

func main() {
	issuer, audience := os.Getenv("ISSUER"), os.Getenv("AUDIENCE")
	if issuer == "" || audience == "" {
		log.Fatal("ISSUER and AUDIENCE are needed")
	}
	jwksURI := cmp.Or(os.Getenv("JWKS_URI"), issuer+"/.well-known/jwks.json")
	keys, err := keyfunc.NewDefaultOverrideCtx(context.Background(), []string{jwksURI},
		keyfunc.Override{RefreshInterval: cacheLifetime()})
	if err != nil {
		log.Fatal(err)
	}
	parser := jwt.NewParser(jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithValidMethods([]string{"RS256"}),
		jwt.WithExpirationRequired())
	http.Handle("GET /", withToken(parser, keys.Keyfunc, me))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "4000"), nil))
}

// withToken answers requests without a good token, and gives the claims of the others to next.
func withToken(parser *jwt.Parser, key jwt.Keyfunc, next func(http.ResponseWriter, *http.Request, jwt.Claims)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		token, err := parser.Parse(text, key)
		if err != nil || !strings.EqualFold(scheme, "Bearer") || token.Header["typ"] != "at+jwt" {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		next(w, r, token.Claims)
	})
}

func me(w http.ResponseWriter, _ *http.Request, claims jwt.Claims) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(claims)
}

// cacheLifetime is how long the JWKS is kept. The issuer's keys.verifier_cache_lifetime must be at least as long.
func cacheLifetime() time.Duration {
	if seconds, err := strconv.Atoi(os.Getenv("JWKS_CACHE_LIFETIME")); err == nil {
		return time.Duration(seconds) * time.Second
	}
	return time.Hour
}
