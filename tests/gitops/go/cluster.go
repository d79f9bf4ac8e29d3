package main

import (
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

// cluster is where the tools write to.
type cluster struct {
	kubeconfig string
	namespace  string
}

// flags are the cluster as kubectl and helm take it from their command lines.
func (c cluster) flags() *genericclioptions.ConfigFlags {
	flags := genericclioptions.NewConfigFlags(true)
	flags.KubeConfig = &c.kubeconfig
	flags.Namespace = &c.namespace
	return flags
}

func (c cluster) config() (*rest.Config, error) {
	config, err := c.flags().ToRESTConfig()
	if err != nil {
		return nil, err
	}
	// client-go's five requests a second would make the tools wait; the controllers raise it too.
	config.QPS, config.Burst = 100, 200
	return config, nil
}

// read gives the object in a file, in the cluster's namespace.
func (c cluster) read(path string) (*unstructured.Unstructured, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	// Its own decoder keeps whole numbers whole.
	object := &unstructured.Unstructured{}
	asJSON, err := yaml.YAMLToJSON(text)
	if err == nil {
		err = object.UnmarshalJSON(asJSON)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	object.SetNamespace(c.namespace)
	return object, nil
}
