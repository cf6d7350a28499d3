//! Detects the container of the engine that this process runs in.

use std::fs;

use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error as EngineError;
use testcontainers::bollard::models::ContainerInspectResponse;
use testcontainers::bollard::query_parameters::InspectContainerOptions;

use itest_runtime::Error;

use super::host::Bridge;
use crate::failure::failed_to;

/// The files that an engine mounts into each container, from the folder of this container.
const MOUNTED_FILES: [&str; 3] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];

/// The number of hexadecimal digits of a container's id.
const ID_LENGTH: usize = 64;

/// The number of digits of the id in the host name that an engine gives a container.
const SHORT_ID_LENGTH: usize = 12;

/// The network of the container that this process runs in, or `None` if the engine has no such container. A file such as `/.dockerenv` proves
/// nothing, because it is also in a virtual machine whose disk was made from an image.
///
/// # Errors
///
/// When the engine does not answer.
pub(super) async fn bridge_of_own_container(docker: &Docker) -> Result<Option<Bridge>, Error> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let Some(id) = id_of_mounts(&mounts).or_else(|| id_of_host_name(name.trim())) else { return Ok(None) };
    match docker.inspect_container(id, None::<InspectContainerOptions>).await {
        Ok(container) => Ok(bridge(&container)),
        Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(error) => Err(failed_to(&format!("inspect the container {id}, which may be that of the tests"), &error)),
    }
}

/// The id in the paths of the files that the engine has mounted. The mounts of other containers are ignored.
fn id_of_mounts(mounts: &str) -> Option<&str> {
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(3);
        let (source, target) = (fields.next()?, fields.next()?);
        MOUNTED_FILES.contains(&target).then(|| source.split('/').find(|part| is_id(part, ID_LENGTH))).flatten()
    })
}

/// The beginning of the id, if the host name looks like one.
fn id_of_host_name(name: &str) -> Option<&str> {
    is_id(name, SHORT_ID_LENGTH).then_some(name)
}

fn is_id(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The first network of a container that has a gateway. A container with the network of its machine has none: for it, 127.0.0.1 is that of the
/// engine.
fn bridge(container: &ContainerInspectResponse) -> Option<Bridge> {
    let networks = container.network_settings.as_ref()?.networks.as_ref()?;
    let bridges = networks.iter().filter_map(|(network, endpoint)| {
        let gateway = endpoint.gateway.clone().filter(|gateway| !gateway.is_empty())?;
        Some(Bridge { network: network.clone(), gateway })
    });
    bridges.min_by(|one, other| one.network.cmp(&other.network))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[test]
    fn id_is_read_from_the_mounted_files_of_the_engine() {
        let mounts = format!(
            "1 0 0:1 / / rw - overlay overlay rw\n2 1 254:0 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw - ext4 /dev/vda rw\n"
        );
        assert_eq!(id_of_mounts(&mounts), Some(ID));
        let podman =
            format!("2 1 0:5 /containers/overlay-containers/{ID}/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw");
        assert_eq!(id_of_mounts(&podman), Some(ID));
    }

    #[test]
    fn mounts_of_other_containers_are_ignored() {
        let mounts = format!(
            "2 1 0:5 / /var/lib/docker/containers/{ID}/mounts/shm rw - tmpfs shm rw\n3 1 254:0 / / rw - ext4 /dev/vda rw"
        );
        assert_eq!(id_of_mounts(&mounts), None);
    }

    #[test]
    fn only_a_short_id_is_accepted_as_host_name() {
        assert_eq!(id_of_host_name("9f86d081884c"), Some("9f86d081884c"));
        assert_eq!(id_of_host_name("postgres"), None);
        assert_eq!(id_of_host_name("workstation1"), None);
    }

    #[test]
    fn container_with_the_network_of_its_machine_has_no_bridge() {
        let container = |networks: &str| {
            let text = format!(r#"{{"NetworkSettings": {{"Networks": {networks}}}}}"#);
            bridge(&serde_json::from_str::<ContainerInspectResponse>(&text).unwrap())
        };
        assert_eq!(container(r#"{"host": {"Gateway": ""}}"#), None);
        let expected = Bridge { network: "bridge".to_owned(), gateway: "172.17.0.1".to_owned() };
        assert_eq!(container(r#"{"bridge": {"Gateway": "172.17.0.1"}}"#), Some(expected));
    }
}
