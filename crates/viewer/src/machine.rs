//! Looks for a graphics driver and a display, before a window is opened: its library panics without them.

use bevy::render::RenderPlugin;
use bevy::render::settings::WgpuSettings;
use bevy::tasks::block_on;
use wgpu::{Backends, Instance, InstanceDescriptor};
use x11rb::rust_connection::RustConnection;

use crate::error::ViewError;

/// What is looked for: Vulkan, or Metal, or Direct3D 12.
const BACKENDS: Backends = Backends::PRIMARY;

/// Whether anything can draw, if only in software.
///
/// # Errors
/// [`ViewError::NoGraphics`].
pub fn check_graphics() -> Result<(), ViewError> {
    let description = InstanceDescriptor { backends: BACKENDS, ..InstanceDescriptor::new_without_display_handle() };
    let adapters = block_on(Instance::new(description).enumerate_adapters(BACKENDS));
    if adapters.is_empty() { Err(ViewError::NoGraphics) } else { Ok(()) }
}

/// Bevy's graphics, on what was looked for.
pub fn graphics() -> RenderPlugin {
    let settings = WgpuSettings { backends: Some(BACKENDS), ..WgpuSettings::default() };
    RenderPlugin { render_creation: settings.into(), ..RenderPlugin::default() }
}

/// Connects to the display. The connection is to be held until the window is there: a display that its last client leaves
/// may reset itself.
///
/// # Errors
/// [`ViewError::NoDisplay`].
pub fn display() -> Result<Option<RustConnection>, ViewError> {
    if !cfg!(target_os = "linux") {
        return Ok(None);
    }
    let no_display = |why: &dyn ToString| ViewError::NoDisplay(why.to_string());
    if std::env::var_os("DISPLAY").is_none_or(|name| name.is_empty()) {
        return Err(no_display(&"DISPLAY is not set"));
    }
    x11rb::connect(None).map(|(display, _)| Some(display)).map_err(|error| no_display(&error))
}
