//! What a container is made of.

use std::hash::{BuildHasher, RandomState};

use testcontainers::bollard::models::{HostConfig, PortBinding};
use testcontainers::core::{ContainerPort, Mount};
use testcontainers::{ContainerRequest, GenericImage, ImageExt};

use super::Password;
use super::removal::PREFIX;

/// The folder in memory that the server's files are in.
pub(crate) const MEMORY: &str = "/itest";

/// The label that all containers of itest bear; its value is the server.
const LABEL: &str = "itest";

/// What a container is made of.
#[derive(Debug)]
pub(crate) struct Recipe {
    /// What is in it, for its name.
    pub(crate) server: &'static str,
    /// `name:tag`.
    pub(crate) image: String,
    /// The variable that names another image.
    pub(crate) variable: &'static str,
    /// Where the server listens inside of it.
    pub(crate) port: u16,
    /// The variables of the image, without those of the password.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// The variables that hold the password.
    pub(crate) secrets: Vec<&'static str>,
    /// What lets its administrator in.
    pub(crate) password: Password,
    /// The server's own arguments.
    pub(crate) arguments: Vec<String>,
}

impl Recipe {
    /// A name that no other container has, and that recovery knows as one of ours.
    pub(super) fn name(&self) -> String {
        let number = RandomState::new().hash_one(std::process::id());
        format!("{PREFIX}{}-{}-{number:016x}", self.server, std::process::id())
    }

    /// What the engine is asked for. Its server's files are in memory, and its port is open to this machine only, if `is_near`.
    pub(super) fn request(&self, name: &str, is_near: bool) -> ContainerRequest<GenericImage> {
        let port = ContainerPort::Tcp(self.port);
        let (image, tag) = split(&self.image);
        let image = GenericImage::new(image, tag).with_exposed_port(port);
        let mut request = image
            .with_container_name(name)
            .with_label(LABEL, self.server)
            .with_mount(Mount::tmpfs_mount(MEMORY))
            .with_cmd(self.arguments.clone());
        for (name, value) in &self.environment {
            request = request.with_env_var(*name, value);
        }
        for name in &self.secrets {
            request = request.with_env_var(*name, self.password.expose());
        }
        if !is_near {
            return request;
        }
        request.with_host_config_modifier(move |config: &mut HostConfig| {
            // No number: the engine finds a port that is free.
            let near = PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: None };
            config.publish_all_ports = Some(false);
            config.port_bindings = Some([(port.to_string(), Some(vec![near]))].into());
        })
    }
}

/// Name and tag; what has no tag means the latest one. A port of a registry is no tag.
fn split(image: &str) -> (&str, &str) {
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_open_to_this_machine_only_where_the_engine_is_on_it() {
        let recipe = Recipe {
            server: "postgres",
            image: "postgres:17".to_owned(),
            variable: "",
            port: 5432,
            environment: Vec::new(),
            secrets: Vec::new(),
            password: Password::random().unwrap(),
            arguments: Vec::new(),
        };
        let mut config = HostConfig { publish_all_ports: Some(true), ..HostConfig::default() };
        recipe.request("itest-1", true).host_config_modifier().unwrap()(&mut config);
        let bound = config.port_bindings.unwrap().remove("5432/tcp").flatten().unwrap();
        assert_eq!(bound, [PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: None }]);
        assert_eq!(config.publish_all_ports, Some(false));
        assert!(recipe.request("itest-1", false).host_config_modifier().is_none());
    }

    #[test]
    fn an_image_is_split_at_its_tag() {
        assert_eq!(split("postgres:17-alpine"), ("postgres", "17-alpine"));
        assert_eq!(split("registry.test:5000/team/postgres"), ("registry.test:5000/team/postgres", "latest"));
        assert_eq!(split("registry.test:5000/postgres:17"), ("registry.test:5000/postgres", "17"));
        assert_eq!(split("postgres@sha256:ab12"), ("postgres@sha256", "ab12"));
    }
}
