//! A picture of a scene, without a window.

use std::path::Path;
use std::time::Duration;

use bevy::app::PluginsState;
use bevy::camera::RenderTarget;
use bevy::log::LogPlugin;
use bevy::prelude::*;
use bevy::render::render_resource::TextureFormat;
use bevy::render::view::screenshot::{Screenshot, ScreenshotCaptured};
use bevy::window::ExitCondition;
use bevy::winit::WinitPlugin;
use crossbeam::channel::{Sender, bounded};

use crate::error::ViewError;
use crate::machine;
use crate::scene::Scene;
use crate::stage::{Stage, StagePlugin, camera};

/// Width and height that a window begins with, px.
pub const SIZE: [u32; 2] = [1180, 784];

/// Frames until everything that takes several is there: shaders, fonts.
const FIRST_FRAMES: usize = 8;

/// Frames that a picture may take to come back from the graphics card.
const LAST_FRAMES: usize = 200;

#[derive(Resource)]
struct Canvas(Handle<Image>);

/// Of the canvas, px.
#[derive(Resource)]
struct CanvasSize([u32; 2]);

#[derive(Resource)]
struct Captured(Sender<Image>);

/// Draws the scene as a window of this `size`, width by height px, would show it: RGBA, row by row from the top left.
///
/// # Errors
/// [`ViewError`], if there is nothing that can draw.
pub fn picture(scene: Scene, scenarios: Vec<String>, size: [u32; 2]) -> Result<Vec<u8>, ViewError> {
    machine::check_graphics()?;
    let (captured, picture) = bounded(1);
    // Nothing is on its way any more.
    let scene = Scene { before: scene.state, ..scene };
    let mut app = App::new();
    let window = WindowPlugin { primary_window: None, exit_condition: ExitCondition::DontExit, ..default() };
    app.add_plugins(
        DefaultPlugins.set(window).set(machine::graphics()).disable::<WinitPlugin>().disable::<LogPlugin>(),
    )
    .add_plugins(StagePlugin)
    .insert_resource(Stage { scene, scenarios, size: size.map(|side| side as f32).into() })
    .insert_resource(CanvasSize(size))
    .insert_resource(Captured(captured))
    .add_systems(Startup, set_up);
    while app.plugins_state() == PluginsState::Adding {
        std::thread::sleep(Duration::from_millis(1));
    }
    app.finish();
    app.cleanup();
    for _ in 0..FIRST_FRAMES {
        app.update();
    }
    let canvas = app.world().resource::<Canvas>().0.clone();
    app.world_mut().spawn(Screenshot::image(canvas)).observe(keep);
    for _ in 0..LAST_FRAMES {
        app.update();
        if let Ok(image) = picture.try_recv() {
            return image.data.ok_or(ViewError::NoPicture);
        }
    }
    Err(ViewError::NoPicture)
}

/// Writes RGBA px, width by height of them, to a PNG file: aside, then renamed.
///
/// # Errors
/// A file that cannot be written.
pub fn save(pixels: &[u8], [width, height]: [u32; 2], path: &Path) -> Result<(), ViewError> {
    let written = parapolicy_files::replace(path, |file| {
        let mut encoder = png::Encoder::new(file, width, height);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        Ok::<_, std::io::Error>(writer.write_image_data(pixels)?)
    });
    written.map_err(|source| ViewError::Write { path: path.to_owned(), source })
}

fn set_up(mut commands: Commands, mut images: ResMut<Assets<Image>>, size: Res<CanvasSize>) {
    let [width, height] = size.0;
    let image = images.add(Image::new_target_texture(width, height, TextureFormat::Rgba8UnormSrgb, None));
    commands.insert_resource(Canvas(image.clone()));
    commands.spawn((camera(), RenderTarget::Image(image.into())));
}

fn keep(captured: On<ScreenshotCaptured>, keeper: Res<Captured>) {
    let _full = keeper.0.try_send(captured.image.clone());
}
