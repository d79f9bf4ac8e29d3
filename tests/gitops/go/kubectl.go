package main

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/cmd/apply"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
)

// kubectl is `kubectl apply -f`.
type kubectl struct {
	serverSide bool
	force      bool
}

// sync takes the same three steps as the command (NewCmdApply in k8s.io/kubectl/pkg/cmd/apply/apply.go), which itself
// would end this process on an error. kubectl looks for no drift between two runs.
func (k kubectl) sync(_ context.Context, at cluster, manifest string) (*difference, error) {
	streams, _, _, _ := genericiooptions.NewTestIOStreams()
	flags := apply.NewApplyFlags(streams)
	command := &cobra.Command{}
	flags.AddFlags(command)
	arguments := []string{"--filename", manifest}
	if k.serverSide {
		arguments = append(arguments, "--server-side")
	}
	if k.force {
		arguments = append(arguments, "--force-conflicts")
	}
	if err := command.ParseFlags(arguments); err != nil {
		return nil, err
	}
	factory := cmdutil.NewFactory(cmdutil.NewMatchVersionFlags(at.flags()))
	options, err := flags.ToOptions(factory, command, "kubectl", nil)
	if err != nil {
		return nil, err
	}
	if err := options.Validate(); err != nil {
		return nil, err
	}
	return nil, options.Run()
}
