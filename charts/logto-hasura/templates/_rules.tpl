{{/* What the operator may do where it watches. */}}
{{- define "logto-hasura.rules" -}}
# The patch puts the finalizer on and takes it off.
- apiGroups: [logto-hasura.dev]
  resources: [logtotenants, hasurainstances, hasurarolebindings]
  verbs: [list, watch, patch]
- apiGroups: [logto-hasura.dev]
  resources: [logtotenants/status, hasurainstances/status, hasurarolebindings/status]
  verbs: [update]
# The environment variables of Hasura. Without create, a server-side apply makes no Deployment that is not there.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, patch]
{{- if .Values.pods.enabled }}
# What the newest pods of a rollout wait for, and whether they have stayed up where no probe tells. Never watched.
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [get]
{{- end }}
# Credentials of Logto by their name in a LogtoTenant, what a Deployment's envFrom names, and what its entry for the role of
# callers without a token refers to. Never listed or watched. Where the values name the Secrets, the right to get them is in
# Roles of their own.
- apiGroups: [""]
  resources: [{{ if not .Values.secrets }}secrets, {{ end }}configmaps]
  verbs: [get]
{{- if .Values.delivery.secrets }}
# Hasura's settings, where an instance has them delivered by a Secret.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create, update, delete]
{{- end }}
{{- if .Values.delivery.configMaps }}
# Hasura's settings, where an instance has them delivered by a ConfigMap.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [create, update, delete]
{{- end }}
{{- if .Values.replacedScripts }}
# The text of a Custom JWT script that the operator's replaces.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [create]
{{- end }}
{{- if not .Values.watchNamespaces }}
# Labels of namespaces, which allowedInstances, allowedBindings and adoption may select by. Without the right, such a
# selector is said to be Stalled.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
{{- end }}
# A repeated event becomes a series by a patch.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
