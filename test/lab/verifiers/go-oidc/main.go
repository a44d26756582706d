// A verifier of the laboratory: go-oidc, which keeps keys until it meets one that it does not know. A token a line, an
// answer a line.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"

	"github.com/coreos/go-oidc/v3/oidc"
)

func main() {
	issuer, audience := os.Args[1], os.Args[2]
	ctx := context.Background()
	keys := oidc.NewRemoteKeySet(ctx, os.Getenv("JWKS_URI"))
	verifier := oidc.NewVerifier(issuer, keys, &oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{"RS256"}})
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 1<<20)
	for input.Scan() {
		token, err := verifier.Verify(ctx, input.Text())
		if err != nil {
			fmt.Println("refused:", err)
			continue
		}
		fmt.Println("accepted:", token.Subject)
	}
}
