package main

import (
	"context"
	"errors"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/storage/driver"
)

// helm3 is `helm upgrade --install` of Helm 3, which patches on the client's side, from the chart of the last release.
type helm3 struct{}

// sync does what the command does (cmd/helm/upgrade.go, which is no package to import): it installs when the release has
// no history, and upgrades else. Helm looks for no drift between two runs.
func (helm3) sync(ctx context.Context, at cluster, manifest string) (*difference, error) {
	// As in cmd/helm/helm.go; else the manager would be called like this program.
	kube.ManagedFieldsManager = "helm"
	configuration := &action.Configuration{}
	if err := configuration.Init(at.flags(), at.namespace, "secret", func(string, ...any) {}); err != nil {
		return nil, err
	}
	chart, err := loader.Load(manifest)
	if err != nil {
		return nil, err
	}
	history := action.NewHistory(configuration)
	history.Max = 1
	if _, err := history.Run(deployment); errors.Is(err, driver.ErrReleaseNotFound) {
		install := action.NewInstall(configuration)
		install.ReleaseName = deployment
		install.Namespace = at.namespace
		_, err := install.RunWithContext(ctx, chart, nil)
		return nil, err
	} else if err != nil {
		return nil, err
	}
	upgrade := action.NewUpgrade(configuration)
	upgrade.Install = true
	upgrade.Namespace = at.namespace
	_, err = upgrade.RunWithContext(ctx, deployment, chart, nil)
	return nil, err
}
