//! The specification of a container for the engine.

use std::hash::{BuildHasher, RandomState};

use testcontainers::bollard::models::{HostConfig, PortBinding};
use testcontainers::core::{ContainerPort, Mount};
use testcontainers::{ContainerRequest, GenericImage, ImageExt};

use itest_runtime::__private::variable;
use itest_runtime::Error;

use super::password::Password;
use super::removal::PREFIX;
use super::settings::{ContainerSettings, MEMORY};
use crate::service::definition::Service;

/// The label of all containers of itest; its value is the service.
const LABEL: &str = "itest";

/// The specification of a container for the engine.
#[derive(Debug)]
pub(super) struct Spec {
    /// The service, for the container's name.
    pub(super) service: &'static str,
    /// `name:tag`.
    pub(super) image: String,
    /// The variable that names another image.
    pub(super) image_variable: String,
    /// The port of the server inside of the container.
    pub(super) port: u16,
    pub(super) settings: ContainerSettings,
    /// The administrator's password.
    pub(super) password: Password,
}

/// Where the container engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EngineHost {
    /// On this machine: 127.0.0.1 of the engine is that of this process.
    Local,
    /// On another machine, or outside of the container that this process runs in.
    Remote,
}

impl Spec {
    /// The container of a service.
    ///
    /// # Errors
    ///
    /// When no password can be made.
    pub(super) fn of<S: Service>() -> Result<Self, Error> {
        let image_variable = format!("{}_IMAGE", S::VARIABLE);
        Ok(Self {
            service: S::ID,
            image: variable(&image_variable).unwrap_or_else(|| S::IMAGE.to_owned()),
            image_variable,
            port: S::PORT,
            settings: S::container(),
            password: Password::random()?,
        })
    }

    /// A unique name, with the prefix that recovery recognizes.
    pub(super) fn name(&self) -> String {
        let number = RandomState::new().hash_one(std::process::id());
        format!("{PREFIX}{}-{}-{number:016x}", self.service, std::process::id())
    }

    /// The request to the engine. The server's files are in memory. If the engine is on this machine, the port is open to this machine
    /// only.
    pub(super) fn request(&self, name: &str, engine: EngineHost) -> ContainerRequest<GenericImage> {
        let port = ContainerPort::Tcp(self.port);
        let (image, tag) = split(&self.image);
        let image = GenericImage::new(image, tag).with_exposed_port(port);
        let mut request = image
            .with_container_name(name)
            .with_label(LABEL, self.service)
            .with_mount(Mount::tmpfs_mount(MEMORY))
            .with_cmd(self.settings.arguments.clone());
        for (name, value) in &self.settings.environment {
            request = request.with_env_var(*name, value);
        }
        for name in self.settings.password_variables {
            request = request.with_env_var(*name, self.password.expose());
        }
        if engine == EngineHost::Remote {
            return request;
        }
        request.with_host_config_modifier(move |config: &mut HostConfig| {
            // Without a port number, the engine chooses a free port.
            let local = PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: None };
            config.publish_all_ports = Some(false);
            config.port_bindings = Some([(port.to_string(), Some(vec![local]))].into());
        })
    }
}

/// Name and tag of an image. Without a tag it is the latest one; the port of a registry is not a tag.
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
    fn port_is_open_to_this_machine_only_if_the_engine_runs_on_it() {
        let settings = ContainerSettings { environment: Vec::new(), password_variables: &[], arguments: Vec::new() };
        let spec = Spec {
            service: "postgres",
            image: "postgres:17".to_owned(),
            image_variable: String::new(),
            port: 5432,
            settings,
            password: Password::random().unwrap(),
        };
        let mut config = HostConfig { publish_all_ports: Some(true), ..HostConfig::default() };
        spec.request("itest-1", EngineHost::Local).host_config_modifier().unwrap()(&mut config);
        let bound = config.port_bindings.unwrap().remove("5432/tcp").flatten().unwrap();
        assert_eq!(bound, [PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: None }]);
        assert_eq!(config.publish_all_ports, Some(false));
        assert!(spec.request("itest-1", EngineHost::Remote).host_config_modifier().is_none());
    }

    #[test]
    fn image_is_split_at_its_tag() {
        assert_eq!(split("postgres:17-alpine"), ("postgres", "17-alpine"));
        assert_eq!(split("registry.test:5000/team/postgres"), ("registry.test:5000/team/postgres", "latest"));
        assert_eq!(split("registry.test:5000/postgres:17"), ("registry.test:5000/postgres", "17"));
        assert_eq!(split("postgres@sha256:ab12"), ("postgres@sha256", "ab12"));
    }
}
