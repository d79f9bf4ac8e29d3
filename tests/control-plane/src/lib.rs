//! A Kubernetes control plane without containers, and a node agent that stands in for the kubelet.
