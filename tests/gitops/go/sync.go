package main

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// deployment is the name of the one object that all tools sync.
const deployment = "hasura"

// tool is one way to bring a manifest into a cluster.
type tool interface {
	// sync does what the tool does at one of its intervals. A difference is nil when the tool never looks for one. An error
	// is what the tool would tell its user.
	sync(ctx context.Context, at cluster, manifest string) (*difference, error)
}

// difference is what a tool sees between the cluster and what it was given, before it writes.
type difference struct {
	// paths are the fields that differ; none means that the tool sees the two as the same.
	paths []string
}

// outcome is what one sync did.
type outcome struct {
	// Changed says whether the Deployment's spec has another generation than before.
	Changed bool `json:"changed"`
	// Drift is null for a tool that looks for none.
	Drift   *bool    `json:"drift"`
	Drifted []string `json:"drifted"`
	// Error is what the tool said when it failed.
	Error *string `json:"error"`
}

// syncOnce lets the tool sync. An error is a fault of the test bed, not of the tool.
func syncOnce(ctx context.Context, tool tool, at cluster, manifest string) (*outcome, error) {
	before, err := generation(ctx, at)
	if err != nil {
		return nil, err
	}
	found, failure := tool.sync(ctx, at, manifest)
	after, err := generation(ctx, at)
	if err != nil {
		return nil, err
	}
	done := outcome{Changed: after != before, Drifted: []string{}}
	if found != nil {
		drift := len(found.paths) > 0
		done.Drift = &drift
		done.Drifted = append(done.Drifted, found.paths...)
	}
	if failure != nil {
		words := failure.Error()
		done.Error = &words
	}
	return &done, nil
}

// generation is the Deployment's; 0 when it is not there.
func generation(ctx context.Context, at cluster) (int64, error) {
	config, err := at.config()
	if err != nil {
		return 0, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return 0, err
	}
	found, err := client.AppsV1().Deployments(at.namespace).Get(ctx, deployment, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return found.Generation, nil
}
