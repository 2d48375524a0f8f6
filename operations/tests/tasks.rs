//! Every operation can be a task of its own, as a server runs them.

use std::future::Future;

/// Fails to compile where a future borrows from whoever made it, or cannot move between threads.
fn is_task<T>(_: &dyn Fn() -> T)
where
    T: Future + Send + 'static,
{
}

/// Never called: that it compiles is the test.
#[allow(dead_code, clippy::too_many_arguments, reason = "only its types count")]
#[allow(clippy::unimplemented, reason = "nothing of it runs")]
fn operations_are_tasks() {
    use ays_operations as operations;
    fn any<T>() -> T {
        unimplemented!("only its type counts")
    }
    is_task(&|| any::<operations::Install>().plan(any(), any(), any()));
    is_task(&|| any::<operations::Install>().questions(any(), any()));
    is_task(&|| any::<operations::Operation>().run(any(), any(), any(), any()));
    is_task(&|| any::<operations::AddImage>().run(any(), any(), any(), any()));
    is_task(&|| any::<operations::Rehearse>().run(any(), any(), any(), any(), any(), any()));
    is_task(&|| any::<operations::AdoptPools>().run(any(), any(), any(), any()));
    is_task(&|| any::<operations::CatalogueAt>().back_up(any()));
    is_task(&|| any::<operations::CatalogueAt>().restore(any(), any()));
    is_task(&|| any::<operations::CatalogueAt>().move_to(any()));
    is_task(&|| any::<operations::CheckCatalogue>().run(any(), any(), any(), any()));
    is_task(&|| any::<operations::CheckNodes>().check(any(), any(), any(), any()));
    is_task(&|| any::<operations::CheckImage>().run(any(), any(), any()));
    is_task(&|| operations::check_file(any(), any(), any()));
    is_task(&|| operations::digest(any(), any(), any(), any()));
    is_task(&|| operations::lint(any(), any()));
    is_task(&|| operations::lint_sources(any(), any(), any(), any()));
    is_task(&|| operations::LookAtImage::run(any(), any(), any(), any()));
    is_task(&|| operations::write_image(any(), any()));
    is_task(&|| operations::clone(any(), any(), any(), any()));
    is_task(&|| operations::pull(any(), any(), any()));
    is_task(&|| operations::save(any(), any(), any(), any(), any()));
    is_task(&|| operations::status(any(), any(), any()));
    is_task(&|| operations::unsaved(any()));
    is_task(&|| operations::templates(any()));
    is_task(&|| operations::nodes(any()));
    is_task(&|| operations::images(any()));
    is_task(&|| operations::image(any(), any()));
    is_task(&|| operations::find(any(), any()));
    is_task(&|| any::<operations::EditImage>().run(any(), any(), any(), any()));
    is_task(&|| any::<operations::ExportImage>().run(any(), any(), any(), any()));
    is_task(&|| any::<operations::CopyImage>().run(any(), any(), any(), any()));
    is_task(&|| any::<operations::CompareImages>().run(any(), any(), any(), any()));
    is_task(&|| operations::stacks(any()));
    is_task(&|| operations::stack(any(), any()));
    is_task(&|| operations::audit(any(), any(), any()));
    is_task(&|| operations::runs(any(), any(), any(), any()));
}

#[test]
fn it_compiles() {}
