import type { Services } from './services.ts';
import type { StatusBar } from './statusBar.ts';
import type { Row } from './tree/row.ts';
import type { Views } from './tree/views.ts';

/** What the tests in a real editor look at; exported only when RUNABOUT_TEST is set. */
export function testApi(services: Services, views: Views, statusBar: StatusBar) {
  const { session, connector, lists, documents, chosen, inline, panel, server, runs } = services;
  const view = (name: keyof Views): Row[] => views[name].rows();
  return {
    session,
    connector,
    lists,
    documents,
    chosen,
    runs,
    server,
    panel,
    /** Texts at the ends of lines of a document, as they are drawn in its editors. */
    inlineTexts: (uri: string) => inline.shown(uri),
    /** The rows of a view as text: label, description, context value. */
    rows: (name: keyof Views) =>
      view(name).map(({ label, description, contextValue }) => ({ label, description, contextValue })),
    statusText: () => statusBar.text,
  };
}
export type TestApi = ReturnType<typeof testApi>;
