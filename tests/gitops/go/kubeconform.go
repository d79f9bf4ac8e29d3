package main

import (
	"context"
	"fmt"
	"os"

	"github.com/yannh/kubeconform/pkg/validator"
)

// conformity is what kubeconform says of a file with objects.
type conformity struct {
	// Checked are the objects that a schema was found for.
	Checked  int      `json:"checked"`
	Problems []string `json:"problems"`
}

// conform is `kubeconform -strict` with schemas of files alone. An object without a schema is a problem, a key that stands
// there twice too.
func conform(ctx context.Context, manifest, schemas string) (*conformity, error) {
	checker, err := validator.New([]string{schemas}, validator.Opts{Strict: true})
	if err != nil {
		return nil, err
	}
	file, err := os.Open(manifest)
	if err != nil {
		return nil, err
	}
	found := conformity{Problems: []string{}}
	for _, result := range checker.ValidateWithContext(ctx, manifest, file) {
		switch result.Status {
		case validator.Empty:
		case validator.Valid:
			found.Checked++
		default:
			name := "an object"
			if signature, err := result.Resource.Signature(); err == nil {
				name = signature.Kind + " " + signature.Name
			}
			found.Problems = append(found.Problems, fmt.Sprintf("%s: %v", name, result.Err))
		}
	}
	return &found, ctx.Err()
}
