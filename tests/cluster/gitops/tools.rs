//! The tools, each with the settings it is run with.

/// A tool as the table names it.
pub struct Tool {
    pub label: &'static str,
    /// The command and flags of the program in tests/gitops.
    pub command: &'static str,
    pub flags: &'static [&'static str],
}

impl Tool {
    /// Whether it wants a chart instead of an object.
    pub fn is_helm(&self) -> bool {
        self.command.starts_with("helm")
    }
}

pub const KUBECTL: Tool = tool("kubectl apply", "kubectl", &[]);
pub const KUBECTL_SERVER_SIDE: Tool =
    tool("kubectl apply --server-side", "kubectl", &["-server-side"]);
pub const HELM_3: Tool = tool("Helm 3", "helm3", &[]);
pub const HELM_4: Tool = tool("Helm 4", "helm4", &[]);
pub const HELM_4_FORCE: Tool = tool("Helm 4 --force-conflicts", "helm4", &["-force-conflicts"]);
pub const FLUX: Tool = tool("Flux", "flux", &[]);
pub const FLUX_IGNORE: Tool = tool(
    "Flux, spec.ignore",
    "flux",
    // The third entry of the first container: the JSON pointer knows no names.
    &[
        "-ignore-path",
        "/spec/template/spec/containers/0/env/2/value",
    ],
);
pub const ARGO_CD: Tool = tool("Argo CD", "argocd", &[]);
pub const ARGO_CD_IGNORE: Tool = tool(
    "Argo CD, ignoreDifferences",
    "argocd",
    &["-ignore-manager", "logto-hasura"],
);
pub const ARGO_CD_SERVER_SIDE: Tool = tool("Argo CD, server-side", "argocd", &["-server-side"]);
pub const ARGO_CD_SERVER_SIDE_IGNORE: Tool = tool(
    "Argo CD, server-side, ignoreDifferences",
    "argocd",
    &["-server-side", "-ignore-manager", "logto-hasura"],
);

const fn tool(label: &'static str, command: &'static str, flags: &'static [&'static str]) -> Tool {
    Tool {
        label,
        command,
        flags,
    }
}
