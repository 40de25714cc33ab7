import { ts } from 'ts-morph';
import { type DocComment, withoutStars } from './comment.ts';
import { literalValue, NotALiteral } from './literal.ts';
import type { Example, MarkProblem } from './marked.ts';
import type { Span } from './source.ts';

/**
 * The calls written as `@example`: one statement each, such as `mean([1, 2, 3])`, on the tag's line or below it, also
 * fenced. `await`, `const x =` and comments around a call are passed over.
 * @param name what is called; a default export without a name may be called anything
 */
export function parseExamples(
  text: string,
  comment: DocComment,
  name: string,
  anyName = false,
): { examples: Example[]; problems: MarkProblem[] } {
  const examples: Example[] = [];
  const problems: MarkProblem[] = [];
  for (const tag of comment.tags) {
    if (tag.name !== 'example') continue;
    const code = withoutStars(text, tag.textSpan)
      .replace(/^([\t ]*)<caption>.*?<\/caption>/m, blank)
      .replace(/```\w*/g, blank);
    const source = ts.createSourceFile('example.ts', code, ts.ScriptTarget.ESNext, false);
    if (source.statements.length === 0) {
      problems.push(hint(tag.span, `Write a call here, for example ${name}(1, [2, 3]), and it becomes a lens.`));
    }
    for (const statement of source.statements) {
      const span = {
        start: tag.textSpan.start + statement.getStart(source),
        end: tag.textSpan.start + statement.end,
      };
      const call = callOf(statement);
      if (!call || !(anyName || call.expression.getText(source) === name)) {
        problems.push(hint(span, `This is not a call of ${name}, so it gets no lens.`));
        // One hint is enough for a paragraph of prose.
        break;
      }
      try {
        const args = call.arguments.map(literalValue);
        examples.push({ text: call.getText(source).replace(/\s+/g, ' '), args, span });
      } catch (error) {
        if (!(error instanceof NotALiteral)) throw error;
        const at = {
          start: tag.textSpan.start + error.node.getStart(source),
          end: tag.textSpan.start + error.node.end,
        };
        problems.push(hint(at, `The arguments of an example are plain data, and ${error.message}: it gets no lens.`));
      }
    }
  }
  return { examples, problems };
}

const blank = (match: string) => ' '.repeat(match.length);

const hint = (span: Span, message: string): MarkProblem => ({
  severity: 'hint',
  code: 'example-not-a-call',
  message,
  span,
  fixes: [],
});

function callOf(statement: ts.Statement): ts.CallExpression | undefined {
  let expression: ts.Expression | undefined;
  if (ts.isExpressionStatement(statement)) expression = statement.expression;
  else if (ts.isVariableStatement(statement)) expression = statement.declarationList.declarations[0]?.initializer;
  if (expression && ts.isAwaitExpression(expression)) expression = expression.expression;
  return expression && ts.isCallExpression(expression) ? expression : undefined;
}
