package cli

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"
)

func (c Connect) secrets() *cobra.Command {
	return group("secrets", "The key that seals the stored secrets", &cobra.Command{
		Use: "rotate", Short: "Seal all stored secrets with a new key", Args: cobra.NoArgs,
		Long: "Seals everything secret in the database with a new key. A key that the gateway keeps in data_dir is made and replaced by itself; " +
			"otherwise configure the new key as secret_key and the one before as old_secret_key first, and take the old one away afterwards. " +
			"Links to files that were handed out before stop working.",
		RunE: c.on(func(r *run, _ []string) error {
			return ask(r, http.MethodPost, "/api/v1/secrets/rotate", nil, func(answer *struct {
				Sealed int `json:"sealed"`
			}) error {
				_, err := fmt.Fprintf(r.out, "%d secrets are sealed with the new key; nothing needs the old one any more.\n", answer.Sealed)
				return err
			})
		}),
	})
}
