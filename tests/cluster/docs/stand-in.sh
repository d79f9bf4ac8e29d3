#!/bin/bash
# Stands in for a program that a page's commands call, and calls the real one.
set -euo pipefail
PATH=/usr/local/bin:/usr/bin:/bin
name=${0##*/}
command="$name $*"
case $name in
    kubectl) real=$KUBECTL ;;
    helm) real=$HELM ;;
    logto-hasura) real=$LOGTO_HASURA ;;
    curl) real=curl ;;
esac

while IFS= read -r left_out; do
    if [[ $command == "$left_out"* ]]; then
        echo "$command" >>"$FOLDER/left-out"
        # Flags that there are not are an error all the same.
        exec "$real" "$1" --help "${@:2}" >/dev/null
    fi
done <"$FOLDER/to-leave-out"

# Writes as the API server would take them, without being carried out. What is there already may be made again.
dry_run() {
    local said status=0
    said=$("$real" "$@" --dry-run=server 2>&1) || status=$?
    echo "$said"
    if [[ $status != 0 && $1 == create && $said == *"already exists"* ]]; then
        status=0
    fi
    exit $status
}

case $name in
    kubectl)
        if [[ $MODE == real ]]; then
            exec "$real" "$@"
        fi
        if [[ $1 == --namespace ]]; then
            set -- "${@:3}" "$1" "$2"
        fi
        case "$1 ${3:-}" in
            # These folders are applied by tests of their own, each in a cluster without the others' objects.
            "apply examples/quickstart/") dry_run "$@" ;;
            "apply examples/"*) exec "$real" "$@" --dry-run=client ;;
        esac
        case $1 in
            get) exec "$real" "$@" --ignore-not-found ;;
            describe | explain | rollout | wait) exec "$real" "$@" ;;
            # The answer no ends with 1, and is an answer.
            auth) "$real" "$@" || exit $(($? == 1 ? 0 : 1)) && exit 0 ;;
            delete) dry_run "$@" --ignore-not-found ;;
            annotate | apply | create | patch | scale) dry_run "$@" ;;
        esac
        echo "it is not known how to run kubectl $1 without a write" >&2
        exit 1
        ;;
    helm)
        # No release is ever installed here, and the definitions are there already.
        case $1 in
            install) exec "$real" "$@" --dry-run=client --set crds.enabled=false ;;
            upgrade) exec "$real" "$@" --install --dry-run=client --set crds.enabled=false ;;
            uninstall) exec "$real" "$@" --dry-run --ignore-not-found ;;
        esac
        echo "it is not known how to run helm $1 without a write" >&2
        exit 1
        ;;
    logto-hasura)
        # It would let go of the objects of all tests.
        if [[ $1 == release-finalizers && $command != *" --dry-run"* ]]; then
            set -- "$@" --dry-run
        fi
        exec "$real" "$@"
        ;;
    curl)
        # Logto's address was replaced in the text; Hasura's is that of a pod.
        hasura=$("$KUBECTL" get pods -n shop -l app=hasura -o "jsonpath={.items[0].metadata.annotations.$ADDRESS}")
        arguments=("${@/#http:\/\/localhost:8080/$hasura}")
        exec curl --fail "${arguments[@]/#https:\/\/shop.example.com/$hasura}"
        ;;
    make) exec make -n -C "$PROJECT" "$@" ;;
    cargo)
        # The suite that it names is there.
        while [[ $# -gt 0 ]]; do
            if [[ $1 == --test ]]; then
                exec grep -q "^name = \"$2\"\$" "$PROJECT/Cargo.toml"
            fi
            shift
        done
        ;;
esac
