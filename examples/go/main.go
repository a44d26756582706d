// Verifies access tokens with golang-jwt and keyfunc, knowing only the issuer and its own name.
//
//	go run . ISSUER AUDIENCE < token.json
//
// Every line of the input is a token, or a token response; every line of the output says what became of it.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: go run . ISSUER AUDIENCE, tokens on standard input")
	}
	issuer, audience := os.Args[1], os.Args[2]
	keys, err := keyfunc.NewDefaultOverrideCtx(context.Background(), []string{jwksURI(issuer)},
		keyfunc.Override{RefreshInterval: cacheLifetime()})
	if err != nil {
		log.Fatal(err)
	}
	parser := jwt.NewParser(jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithValidMethods([]string{"RS256"}),
		jwt.WithExpirationRequired())
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 1<<20)
	for input.Scan() {
		token, err := parser.Parse(accessToken(input.Bytes()), keys.Keyfunc)
		if err == nil && token.Header["typ"] != "at+jwt" {
			err = errors.New("not an access token")
		}
		if err != nil {
			fmt.Println("refused:", err)
			continue
		}
		claims, _ := json.Marshal(token.Claims)
		fmt.Println("accepted:", string(claims))
	}
}

// cacheLifetime is how long the JWKS is kept. The issuer's keys.verifier_cache_lifetime must be at least as long.
func cacheLifetime() time.Duration {
	if seconds, err := strconv.Atoi(os.Getenv("JWKS_CACHE_LIFETIME")); err == nil {
		return time.Duration(seconds) * time.Second
	}
	return time.Hour
}

func jwksURI(issuer string) string {
	if given := os.Getenv("JWKS_URI"); given != "" {
		return given
	}
	response, err := http.Get(issuer + "/.well-known/openid-configuration")
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	var metadata struct {
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.NewDecoder(response.Body).Decode(&metadata); err != nil {
		log.Fatal(err)
	}
	return metadata.JWKSURI
}

func accessToken(line []byte) string {
	var response struct {
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(line, &response) == nil && response.AccessToken != "" {
		return response.AccessToken
	}
	return string(line)
}
