{{- define "unicorn.labels" -}}
app.kubernetes.io/name: unicorn
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "unicorn.selector" -}}
app.kubernetes.io/name: unicorn
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "unicorn.hasDatabase" -}}
{{- if or .Values.database.url .Values.database.existingSecret }}yes{{ end }}
{{- end }}

{{- /* By it the replicas know their pods, and other releases' pods are left alone. */ -}}
{{- define "unicorn.owner" -}}
{{ printf "%s/%s" .Release.Namespace .Release.Name | sha256sum | trunc 12 }}
{{- end }}

{{- define "unicorn.pullPolicy" -}}
{{ if contains "/" . }}IfNotPresent{{ else }}Never{{ end }}
{{- end }}

{{- define "unicorn.pullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}
