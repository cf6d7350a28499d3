//! The specification of a container for the engine.

use std::hash::{BuildHasher, RandomState};

use testcontainers::bollard::models::{HostConfig, PortBinding};
use testcontainers::core::{ContainerPort, Mount};
use testcontainers::{ContainerRequest, GenericImage, ImageExt};

use itest_runtime::__private::variable;
use itest_runtime::Error;

use super::host::{EngineHost, LOCALHOST};
use super::image::name_and_tag;
use super::removal::PREFIX;
use super::settings::{ContainerSettings, MEMORY};
use crate::service::definition::Service;
use crate::service::offer::Offer;
use crate::service::password::Password;

/// The label of all containers of itest; its value is the service.
const LABEL: &str = "itest";

/// The specification of a container for the engine.
#[derive(Debug)]
pub(in crate::service) struct Spec {
    /// The service, for the container's name.
    pub(super) service: &'static str,
    /// `name:tag`.
    pub(super) image: String,
    /// The variable that names another image.
    pub(super) image_variable: String,
    /// The port of the server inside of the container.
    pub(super) port: u16,
    /// The port inside of the container at which the server is administered, if it has one.
    pub(super) api_port: Option<u16>,
    pub(super) settings: ContainerSettings,
    /// The administrator's password.
    pub(super) password: Password,
}

impl Spec {
    /// The container of a service, if the service or the user names an image.
    ///
    /// # Errors
    ///
    /// When no password can be made.
    pub(in crate::service) fn of<S: Service>() -> Result<Offer<Self>, Error> {
        let image_variable = format!("{}_IMAGE", S::VARIABLE);
        let Some(image) = variable(&image_variable).or_else(|| S::IMAGE.map(str::to_owned)) else {
            return Ok(Offer::Unavailable(format!("set {image_variable} to an image")));
        };
        Ok(Offer::Available(Self {
            service: S::ID,
            image,
            image_variable,
            port: S::PORT,
            api_port: S::API_PORT,
            settings: S::container(),
            password: Password::random()?,
        }))
    }

    /// A unique name, with the prefix that recovery recognizes.
    pub(super) fn name(&self) -> String {
        let number = RandomState::new().hash_one(std::process::id());
        format!("{PREFIX}{}-{}-{number:016x}", self.service, std::process::id())
    }

    /// The request to the engine. The server's files are in memory. The port is open to this machine only, or to the network of the container
    /// that this process runs in. Only an engine on another machine opens it to everyone.
    pub(super) fn request(&self, name: &str, engine: &EngineHost) -> ContainerRequest<GenericImage> {
        let ports: Vec<ContainerPort> =
            std::iter::once(self.port).chain(self.api_port).map(ContainerPort::Tcp).collect();
        let (image, tag) = name_and_tag(&self.image);
        let image = GenericImage::new(image, tag);
        let image = ports.iter().fold(image, |image, port| image.with_exposed_port(*port));
        let mut request = image
            .with_container_name(name)
            .with_label(LABEL, self.service)
            .with_mount(Mount::tmpfs_mount(MEMORY))
            .with_cmd(self.settings.arguments.clone());
        for (name, value) in &self.settings.environment {
            request = request.with_env_var(*name, value);
        }
        for name in &self.settings.password_variables {
            request = request.with_env_var(*name, self.password.expose());
        }
        let (address, network) = match engine {
            EngineHost::Local => (LOCALHOST.to_owned(), None),
            EngineHost::OutsideOfOwnContainer(bridge) => (bridge.gateway.clone(), Some(bridge.network.clone())),
            EngineHost::Remote => return request,
        };
        request.with_host_config_modifier(move |config: &mut HostConfig| {
            // Without a port number, the engine chooses a free port.
            let binding = PortBinding { host_ip: Some(address.clone()), host_port: None };
            config.publish_all_ports = Some(false);
            let bindings = ports.iter().map(|port| (port.to_string(), Some(vec![binding.clone()])));
            config.port_bindings = Some(bindings.collect());
            if network.is_some() {
                config.network_mode.clone_from(&network);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::host::Bridge;
    use super::*;

    #[test]
    fn port_is_open_to_everyone_only_if_the_engine_runs_on_another_machine() {
        let settings =
            ContainerSettings { environment: Vec::new(), password_variables: Vec::new(), arguments: Vec::new() };
        let spec = Spec {
            service: "postgres",
            image: "postgres:17".to_owned(),
            image_variable: String::new(),
            port: 5432,
            api_port: None,
            settings,
            password: Password::random().unwrap(),
        };
        let bridge = Bridge { network: "team".to_owned(), gateway: "172.18.0.1".to_owned() };
        let engines = [
            (EngineHost::Local, "127.0.0.1", None),
            (EngineHost::OutsideOfOwnContainer(bridge), "172.18.0.1", Some("team".to_owned())),
        ];
        for (engine, address, network) in engines {
            let mut config = HostConfig { publish_all_ports: Some(true), ..HostConfig::default() };
            spec.request("itest-1", &engine).host_config_modifier().unwrap()(&mut config);
            let bound = config.port_bindings.unwrap().remove("5432/tcp").flatten().unwrap();
            assert_eq!(bound, [PortBinding { host_ip: Some(address.to_owned()), host_port: None }]);
            assert_eq!((config.publish_all_ports, config.network_mode), (Some(false), network));
        }
        assert!(spec.request("itest-1", &EngineHost::Remote).host_config_modifier().is_none());
    }
}
