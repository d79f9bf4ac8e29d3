{{/* The release's name, with the chart's name after it unless it holds that already. */}}
{{- define "logto-hasura.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The name of what belongs to no namespace; with the release's namespace, or two releases of one name would meet. */}}
{{- define "logto-hasura.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "logto-hasura.name" .) -}}
{{- end -}}

{{/* What tells the pods of this release from others; it can not change, since a Deployment's selector can not. */}}
{{- define "logto-hasura.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "logto-hasura.labels" -}}
{{ include "logto-hasura.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 }}
{{- end -}}

{{/* The image, by digest if there is one: not every container runtime takes a tag and a digest together. */}}
{{- define "logto-hasura.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "logto-hasura.serviceAccountName" -}}
{{- with .Values.serviceAccount -}}
{{- if not (or .create .name) -}}
{{- fail "serviceAccount.create: false needs a serviceAccount.name: the account `default`, which pods have that name none, would get the operator's rights" -}}
{{- end -}}
{{- .name | default (include "logto-hasura.name" $) -}}
{{- end -}}
{{- end -}}

{{/* The ServiceAccount, as the subject of a binding. */}}
{{- define "logto-hasura.subject" -}}
kind: ServiceAccount
name: {{ include "logto-hasura.serviceAccountName" . }}
namespace: {{ .Release.Namespace | quote }}
{{- end -}}
