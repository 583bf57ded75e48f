//! The scene on the screen: one mesh, filled anew every frame. The same with and without a window.

use std::time::Instant;

use bevy::asset::RenderAssetUsages;
use bevy::camera::ScalingMode;
use bevy::mesh::{Indices, PrimitiveTopology};
use bevy::prelude::*;
use bevy::sprite_render::AlphaMode2d;
use bevy_egui::{EguiPlugin, EguiPrimaryContextPass};

use crate::colour::{self, Colour};
use crate::layout::Layout;
use crate::panel;
use crate::picture::paint;
use crate::scene::Scene;
use crate::sketch::Sketch;

/// What is shown.
#[derive(Resource)]
pub struct Stage {
    /// The newest scene.
    pub scene: Scene,
    /// The names of the scenarios.
    pub scenarios: Vec<String>,
    /// Width and height of the window, px.
    pub size: Vec2,
}

impl Stage {
    /// Where the table is.
    pub fn layout(&self) -> Layout {
        Layout::of(self.size.x, self.size.y)
    }
}

/// What every frame begins with: the newest scene, what the keys and the pointer say.
#[derive(SystemSet, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Refresh;

#[derive(Component)]
struct Drawing;

/// Shows a [`Stage`].
pub struct StagePlugin;

impl Plugin for StagePlugin {
    fn build(&self, app: &mut App) {
        app.add_plugins(EguiPlugin::default())
            .insert_resource(ClearColor(srgb(colour::ROOM)))
            .add_systems(Startup, set_up)
            .add_systems(Update, draw.after(Refresh))
            .add_systems(EguiPrimaryContextPass, panel::show);
    }
}

/// A camera that sees window px, y up, from the bottom left.
pub fn camera() -> impl Bundle {
    let projection = OrthographicProjection {
        viewport_origin: Vec2::ZERO,
        scaling_mode: ScalingMode::WindowSize,
        ..OrthographicProjection::default_2d()
    };
    (Camera2d, Projection::Orthographic(projection), Msaa::Sample4)
}

fn set_up(mut commands: Commands, mut meshes: ResMut<Assets<Mesh>>, mut materials: ResMut<Assets<ColorMaterial>>) {
    let paper = ColorMaterial { alpha_mode: AlphaMode2d::Blend, ..ColorMaterial::from_color(Color::WHITE) };
    let mesh = meshes.add(mesh_of(&Sketch::default()));
    commands.spawn((Drawing, Mesh2d(mesh), MeshMaterial2d(materials.add(paper)), Transform::default()));
}

fn draw(
    stage: Res<Stage>,
    mut meshes: ResMut<Assets<Mesh>>,
    drawing: Single<(&Mesh2d, &mut Transform), With<Drawing>>,
) {
    let (mesh, mut place) = drawing.into_inner();
    let Layout { origin, scale } = stage.layout();
    *place = Transform::from_xyz(origin[0], stage.size.y - origin[1], 0.0).with_scale(Vec3::new(scale, -scale, 1.0));
    let scene = &stage.scene;
    let _gone = meshes.insert(&mesh.0, mesh_of(&paint(scene, &scene.at(Instant::now()))));
}

fn mesh_of(sketch: &Sketch) -> Mesh {
    let points: Vec<[f32; 3]> = sketch.points.iter().map(|&[x, y]| [x, y, 0.0]).collect();
    let colours: Vec<[f32; 4]> = sketch.colours.iter().map(|&colour| srgb(colour).to_linear().to_f32_array()).collect();
    Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::default())
        .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, points)
        .with_inserted_attribute(Mesh::ATTRIBUTE_COLOR, colours)
        .with_inserted_indices(Indices::U32(sketch.triangles.clone()))
}

fn srgb(Colour { rgb: [red, green, blue], opacity }: Colour) -> Color {
    Color::srgb_u8(red, green, blue).with_alpha(opacity)
}
