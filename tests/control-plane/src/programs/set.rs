//! Which programs there are, in which version, and where their projects release them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::Releases;

pub(crate) const GO_MOD: &str = include_str!("../../programs/go.mod");
pub(crate) const GO_SUM: &str = include_str!("../../programs/go.sum");

/// Programs that are looked for, downloaded and built together.
pub(crate) struct Set {
    /// What the set is called in messages.
    pub(crate) name: &'static str,
    /// What its folder in the cache is called, before the version.
    folder_prefix: &'static str,
    /// How much a download is, roughly.
    pub(crate) download_size: &'static str,
    /// How long a first build takes, roughly, on two cores.
    pub(crate) build_time: &'static str,
    /// The Go module whose version names the cache folder.
    module: &'static str,
    pub(crate) programs: &'static [Program],
}

/// One executable file.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// The Go package of its `main`.
    pub(crate) package: &'static str,
    /// What `go build` calls it.
    pub(crate) built_as: &'static str,
    release: Release,
}

/// Whose release page a program is on.
enum Release {
    Kubernetes,
    Etcd,
    Helm,
}

/// Where a program can be downloaded.
pub(crate) struct Download {
    pub(crate) url: String,
    /// The file with the SHA-256 sums.
    pub(crate) sums_url: String,
    /// The program inside the archive; nothing when the download is the program.
    pub(crate) member: Option<String>,
}

pub(crate) const CONTROL_PLANE: Set = Set {
    name: "control plane",
    folder_prefix: "",
    download_size: "200 MB",
    build_time: "10 minutes",
    module: "k8s.io/kubernetes",
    programs: &[
        Program {
            name: "kube-apiserver",
            package: "k8s.io/kubernetes/cmd/kube-apiserver",
            built_as: "kube-apiserver",
            release: Release::Kubernetes,
        },
        Program {
            name: "kube-controller-manager",
            package: "k8s.io/kubernetes/cmd/kube-controller-manager",
            built_as: "kube-controller-manager",
            release: Release::Kubernetes,
        },
        Program {
            name: "etcd",
            package: "go.etcd.io/etcd/server/v3",
            built_as: "server",
            release: Release::Etcd,
        },
    ],
};

pub(crate) const HELM: Set = Set {
    name: "helm",
    folder_prefix: "helm-",
    download_size: "20 MB",
    build_time: "4 minutes",
    module: "helm.sh/helm/v4",
    programs: &[Program {
        name: "helm",
        package: "helm.sh/helm/v4/cmd/helm",
        built_as: "helm",
        release: Release::Helm,
    }],
};

pub(crate) const KUBECTL: Set = Set {
    name: "kubectl",
    folder_prefix: "kubectl-",
    download_size: "60 MB",
    build_time: "4 minutes",
    module: "k8s.io/kubernetes",
    programs: &[Program {
        name: "kubectl",
        package: "k8s.io/kubernetes/cmd/kubectl",
        built_as: "kubectl",
        release: Release::Kubernetes,
    }],
};

impl Set {
    /// The version in go.mod, so that a download and a build are the same.
    pub(crate) fn version(&self) -> &'static str {
        version_of(self.module)
    }

    /// The name of the set's folder in the cache.
    pub(crate) fn folder_name(&self) -> String {
        let (os, arch) = platform();
        format!("{}{}-{os}-{arch}", self.folder_prefix, self.version())
    }

    /// The programs that the folder lacks.
    pub(crate) fn missing_in(&self, folder: &Path) -> Vec<&'static str> {
        let is_missing = |program: &&Program| !is_executable(&folder.join(program.name));
        self.programs
            .iter()
            .filter(is_missing)
            .map(|program| program.name)
            .collect()
    }
}

impl Program {
    /// Where the program's project releases it for this machine; nothing when it does not.
    pub(crate) fn download(&self, releases: &Releases) -> Option<Download> {
        let (os, arch) = platform();
        if os != "linux" {
            // There are no kube-apiserver and kube-controller-manager for anything else.
            return None;
        }
        Some(match self.release {
            Release::Kubernetes => {
                let version = kubernetes_version();
                let url = format!(
                    "{}/{version}/bin/{os}/{arch}/{}",
                    releases.kubernetes, self.name
                );
                Download {
                    sums_url: format!("{url}.sha256"),
                    url,
                    member: None,
                }
            }
            Release::Etcd => {
                let version = version_of("go.etcd.io/etcd/server/v3");
                let folder = format!("{}/{version}", releases.etcd);
                let archive = format!("etcd-{version}-{os}-{arch}");
                Download {
                    url: format!("{folder}/{archive}.tar.gz"),
                    sums_url: format!("{folder}/SHA256SUMS"),
                    member: Some(format!("{archive}/etcd")),
                }
            }
            Release::Helm => {
                let version = version_of("helm.sh/helm/v4");
                let url = format!("{}/helm-{version}-{os}-{arch}.tar.gz", releases.helm);
                Download {
                    sums_url: format!("{url}.sha256sum"),
                    url,
                    member: Some(format!("{os}-{arch}/helm")),
                }
            }
        })
    }
}

/// This machine in the words of Go and of the release pages.
fn platform() -> (&'static str, &'static str) {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    (os, arch)
}

/// The version of Kubernetes, which its programs and helm are told when they are built.
pub(crate) fn kubernetes_version() -> &'static str {
    version_of("k8s.io/kubernetes")
}

fn version_of(module: &str) -> &'static str {
    GO_MOD
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .find(|(name, _)| *name == module)
        .and_then(|(_, rest)| rest.split(' ').next())
        .expect("go.mod requires the module; a unit test says so for each")
}

fn is_executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_has_a_version_and_a_release_page() {
        let releases = Releases::default();
        let sets = [CONTROL_PLANE, HELM, KUBECTL];
        for program in sets.iter().flat_map(|set| set.programs) {
            assert!(
                GO_MOD.contains(&format!("\t{}\n", program.package)),
                "{}",
                program.name
            );
            if cfg!(target_os = "linux") {
                let download = program.download(&releases).unwrap();
                assert!(
                    download.url.starts_with("https://") && download.url.contains("/v")
                        || download.url.contains("-v")
                );
            }
        }
        assert!(CONTROL_PLANE.folder_name().starts_with("v1."));
        assert!(HELM.folder_name().starts_with("helm-v4."));
        assert!(KUBECTL.folder_name().starts_with("kubectl-v1."));
    }
}
