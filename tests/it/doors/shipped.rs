//! What ships is what was tested: the doors out of their zip and the extension out of its layer's, together.

use std::time::Duration;

use sandbox::artefacts::{self, Architecture, Artefact};

use super::stage::World;
use super::travel::travel;

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_travels_from_the_layer_through_the_doors_zip() {
    let [overtime, extension] = [Artefact::Aggregator, Artefact::Extension]
        .map(|artefact| artefacts::unpacked(artefact, Architecture::X86_64).unwrap());
    travel(&World::around(&overtime).await, &extension, Duration::from_secs(1)).await;
}

/// By an emulator of the processor.
#[cfg(feature = "arm64-doors")]
#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_travels_through_what_ships_for_arm64_too() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [overtime, extension] = [Artefact::Aggregator, Artefact::Extension]
        .map(|artefact| artefacts::unpacked(artefact, Architecture::Arm64).unwrap());
    let overtime = artefacts::emulated(&overtime, folders[0].path()).unwrap();
    let extension = artefacts::emulated(&extension, folders[1].path()).unwrap();
    travel(&World::around(&overtime).await, &extension, Duration::from_secs(3)).await;
}
