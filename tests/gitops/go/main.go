// Program gitops lets the GitOps tools' own code loose on one Deployment, or on the chart, and says in one line of JSON what
// it did.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/sirupsen/logrus"
	"k8s.io/klog/v2"
)

const usage = `usage: gitops COMMAND -kubeconfig FILE -namespace NAME -manifest FILE [flags]

Each of these syncs once, as its tool would, and prints {"changed", "drift", "drifted", "error"}:
  kubectl  kubectl apply
  helm3    helm 3 upgrade --install; the manifest is the folder of a chart
  helm4    helm 4 upgrade --install; the manifest is the folder of a chart
  flux     one reconciliation of a Flux Kustomization
  argocd   one self-heal of an Argo CD Application: a diff, and a sync when it is OutOfSync
These change nothing, and print {"status", "message"}:
  health   Argo CD's health of the object, with the checks in the namespace's ConfigMap argocd-cm
  kstatus  what Flux and Helm 4 take the object for
These need no -kubeconfig:
  helm3-template  lints the chart in the folder -manifest strictly and renders it with the values in the file -values;
                  prints {"text"}
  kustomize       builds the kustomization in the folder -manifest; prints {"text"}
  kubeconform     checks the objects in the file -manifest strictly by the schemas in the files -schemas, a template such as
                  schemas/{{ .Group }}-{{ .ResourceAPIVersion }}-{{ .ResourceKind }}.json; prints {"checked", "problems"}
`

// limit ends a tool that hangs; a sync of one object takes about a second.
const limit = time.Minute

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gitops:", err)
		os.Exit(1)
	}
}

func run(arguments []string, out io.Writer) error {
	if len(arguments) == 0 {
		return fmt.Errorf("no command\n%s", usage)
	}
	var at cluster
	flags := flag.NewFlagSet(arguments[0], flag.ContinueOnError)
	flags.StringVar(&at.kubeconfig, "kubeconfig", "", "the kubeconfig file")
	flags.StringVar(&at.namespace, "namespace", "default", "the namespace of all objects")
	manifest := flags.String("manifest", "", "the file with the object, or the folder with the chart")
	serverSide := flags.Bool("server-side", false, "kubectl and argocd: server-side apply, and for argocd also server-side diff")
	force := flags.Bool("force-conflicts", false, "kubectl and helm4: take over other managers' fields")
	ignorePath := flags.String("ignore-path", "", "flux: a JSON pointer for spec.ignore")
	ignoreManager := flags.String("ignore-manager", "", "argocd: a manager for ignoreDifferences, with RespectIgnoreDifferences")
	values := flags.String("values", "", "helm3-template: the file with the values")
	schemas := flags.String("schemas", "", "kubeconform: where the schema of a kind is")
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	switch arguments[0] {
	case "helm3-template":
		found, err := renderByHelm3(ctx, *manifest, at.namespace, *values)
		return say(out, found, err)
	case "kustomize":
		found, err := build(*manifest)
		return say(out, found, err)
	case "kubeconform":
		found, err := conform(ctx, *manifest, *schemas)
		return say(out, found, err)
	}
	if at.kubeconfig == "" || *manifest == "" {
		return fmt.Errorf("-kubeconfig and -manifest are needed\n%s", usage)
	}
	// The tools' logs are no part of the answer.
	klog.SetLogger(logr.Discard())
	logrus.SetOutput(io.Discard)

	var tool tool
	switch arguments[0] {
	case "kubectl":
		tool = kubectl{serverSide: *serverSide, force: *force}
	case "helm3":
		tool = helm3{}
	case "helm4":
		tool = helm4{force: *force}
	case "flux":
		tool = flux{ignorePath: *ignorePath}
	case "argocd":
		tool = argocd{serverSide: *serverSide, ignoreManager: *ignoreManager}
	case "health":
		found, err := healthOf(ctx, at, *manifest)
		return say(out, found, err)
	case "kstatus":
		found, err := kstatusOf(at, *manifest)
		return say(out, found, err)
	default:
		return fmt.Errorf("there is no command %q\n%s", arguments[0], usage)
	}
	done, err := syncOnce(ctx, tool, at, *manifest)
	return say(out, done, err)
}

// say writes an answer as one line of JSON, if there is one.
func say(out io.Writer, answer any, err error) error {
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(answer)
}
