//! The calls that the tests make, with answers as they come: JSON, nothing read into our types.

use kube::{
    Client, Resource,
    api::{ApiResource, GetParams, ListParams, Patch, PatchParams, PostParams, Request},
};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};

use super::object::Object;
use crate::world::World;

/// What kubectl asks for when it prints a table.
const AS_TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

pub struct Server {
    client: Client,
    namespace: String,
}

impl Server {
    pub fn of(world: &World) -> Self {
        Self {
            client: world.client.clone(),
            namespace: world.namespace.clone(),
        }
    }

    /// What a create would store, which is left undone.
    pub async fn would_create(&self, object: &Object) -> kube::Result<Value> {
        let params = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        self.post(object, &params).await
    }

    pub async fn create(&self, object: &Object) -> kube::Result<Value> {
        self.post(
            object,
            &PostParams {
                field_manager: Some("test".to_owned()),
                dry_run: false,
            },
        )
        .await
    }

    /// With strict validation, as kubectl creates: a name that the schema does not know is an error.
    async fn post(&self, object: &Object, params: &PostParams) -> kube::Result<Value> {
        let mut request = self
            .of_kind(object)
            .create(params, bytes(object.json()))
            .unwrap();
        let uri = format!("{}&fieldValidation=Strict", request.uri());
        *request.uri_mut() = uri.parse().unwrap();
        self.client.request(request).await
    }

    pub async fn get(&self, object: &Object) -> kube::Result<Value> {
        let request = self
            .of_kind(object)
            .get(object.name(), &GetParams::default())
            .unwrap();
        self.client.request(request).await
    }

    /// What server-side apply makes of the object, as `kubectl apply --server-side` does.
    pub async fn apply(&self, object: &Object) -> kube::Result<Value> {
        let params = PatchParams::apply("test").validation_strict();
        let patch = Patch::Apply(object.json());
        let request = self.of_kind(object).patch(object.name(), &params, &patch);
        self.client.request(request.unwrap()).await
    }

    /// Changes the spec by a merge patch.
    pub async fn patch_spec(&self, object: &Object) -> kube::Result<Value> {
        let patch = Patch::Merge(json!({"spec": object.at("spec")}));
        let request = self
            .of_kind(object)
            .patch(object.name(), &PatchParams::default(), &patch);
        self.client.request(request.unwrap()).await
    }

    /// Changes the status by a merge patch.
    pub async fn patch_status(&self, object: &Object) -> kube::Result<Value> {
        self.send_status(object, &PatchParams::default()).await
    }

    /// What a change of the status would store, which is left undone.
    pub async fn would_patch_status(&self, object: &Object) -> kube::Result<Value> {
        self.send_status(object, &PatchParams::default().dry_run())
            .await
    }

    async fn send_status(&self, object: &Object, params: &PatchParams) -> kube::Result<Value> {
        let patch = Patch::Merge(json!({"status": object.at("status")}));
        let kind = self.of_kind(object);
        let request = kind.patch_subresource("status", object.name(), params, &patch);
        self.client.request(request.unwrap()).await
    }

    /// Puts the object in the place of what is there.
    pub async fn replace(&self, object: &Object) -> kube::Result<Value> {
        let body = bytes(self.at_its_version(object).await?.json());
        let kind = self.of_kind(object);
        let request = kind.replace(object.name(), &PostParams::default(), body);
        self.client.request(request.unwrap()).await
    }

    /// Puts the object in the place of what is there, through `/status`.
    pub async fn replace_status(&self, object: &Object) -> kube::Result<Value> {
        let body = bytes(self.at_its_version(object).await?.json());
        let (kind, params) = (self.of_kind(object), PostParams::default());
        let request = kind.replace_subresource("status", object.name(), &params, body);
        self.client.request(request.unwrap()).await
    }

    async fn at_its_version(&self, object: &Object) -> kube::Result<Object> {
        let version = self.get(object).await?["metadata"]["resourceVersion"].take();
        Ok(object.clone().with("metadata.resourceVersion", version))
    }

    /// The objects of the same kind as kubectl gets them for printing.
    pub async fn table(&self, object: &Object) -> kube::Result<Value> {
        let mut request = self.of_kind(object).list(&ListParams::default()).unwrap();
        request
            .headers_mut()
            .insert("accept", AS_TABLE.parse().unwrap());
        self.client.request(request).await
    }

    fn of_kind(&self, object: &Object) -> Request {
        let kind = match object.kind() {
            "LogtoTenant" => ApiResource::erase::<LogtoTenant>(&()),
            "HasuraInstance" => ApiResource::erase::<HasuraInstance>(&()),
            "HasuraRoleBinding" => ApiResource::erase::<HasuraRoleBinding>(&()),
            other => panic!("{other} is none of our kinds"),
        };
        Request::new(kube::api::DynamicObject::url_path(
            &kind,
            Some(&self.namespace),
        ))
    }
}

fn bytes(json: &Value) -> Vec<u8> {
    serde_json::to_vec(json).unwrap()
}
