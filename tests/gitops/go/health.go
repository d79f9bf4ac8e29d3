package main

import (
	"context"
	"fmt"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/argoproj/argo-cd/v3/util/settings"
	"k8s.io/client-go/kubernetes"
)

// healthOf gives what Argo CD shows as the health of an object. Its settings are read from the ConfigMap argocd-cm by its
// own code, so that a wrong key of a check is found too.
func healthOf(ctx context.Context, at cluster, manifest string) (*health.HealthStatus, error) {
	object, err := at.read(manifest)
	if err != nil {
		return nil, err
	}
	config, err := at.config()
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	overrides, err := settings.NewSettingsManager(ctx, client, at.namespace).GetResourceOverrides()
	if err != nil {
		return nil, err
	}
	found, err := health.GetResourceHealth(object, lua.ResourceHealthOverrides(overrides))
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, fmt.Errorf("Argo CD has no check for %s, so it takes no part in an application's health", object.GroupVersionKind().GroupKind())
	}
	return found, nil
}
