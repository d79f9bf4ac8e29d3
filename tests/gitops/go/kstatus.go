package main

import (
	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
)

// kstatusOf gives what kstatus computes for an object, in the fork that Flux and Helm 4 wait by.
func kstatusOf(at cluster, manifest string) (*verdict, error) {
	object, err := at.read(manifest)
	if err != nil {
		return nil, err
	}
	found, err := status.Compute(object)
	if err != nil {
		return nil, err
	}
	return &verdict{Status: found.Status.String(), Message: found.Message}, nil
}

type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}
