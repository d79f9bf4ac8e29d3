package main

import (
	"context"
	"io"

	"helm.sh/helm/v4/pkg/cmd"
	"helm.sh/helm/v4/pkg/kube"
)

// helm4 is `helm upgrade --install` of Helm 4, which applies on the server's side and gives up at a conflict, unless it is
// told to force.
type helm4 struct {
	force bool
}

// sync runs the command itself, so that its defaults are the tool's own. Helm looks for no drift between two runs.
func (h helm4) sync(ctx context.Context, at cluster, manifest string) (*difference, error) {
	// As in cmd/helm/helm.go; else the manager would be called like this program.
	kube.ManagedFieldsManager = "helm"
	arguments := []string{
		"upgrade", "--install", deployment, manifest,
		"--kubeconfig", at.kubeconfig, "--namespace", at.namespace,
	}
	if h.force {
		arguments = append(arguments, "--force-conflicts")
	}
	command, err := cmd.NewRootCmd(io.Discard, arguments, func(bool) {})
	if err != nil {
		return nil, err
	}
	command.SetArgs(arguments)
	command.SilenceErrors = true
	return nil, command.ExecuteContext(ctx)
}
