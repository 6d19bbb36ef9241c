using System.Text;
using Gpt2Cluster.Data.Sources.Documents;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Sources;

/// <summary>How a dataset's files are read.</summary>
public sealed record SourceOptions
{
    /// <summary>The field or column that holds the text where nobody names another.</summary>
    public const string DefaultTextField = "text";

    /// <summary>The encoding of texts without a byte-order mark; null: UTF-8.</summary>
    public Encoding? Encoding { get; init; }

    /// <summary>
    /// The field of a record, or the column of a table, that holds the text; null: <see cref="DefaultTextField"/>, and
    /// OpenAI's fields where a record has no such field.
    /// </summary>
    public string? TextField { get; init; }

    /// <summary>Reads what libraries take apart; null: they do it in this process.</summary>
    public DocumentProcess? Process { get; init; }

    /// <summary>Numbers in an .npz below this are tokens; the default is OpenAI's.</summary>
    public int TokenCount { get; init; } = Gpt2Vocabulary.BuiltInCount;

    /// <summary>Told in one sentence what is left out, or read otherwise than its name promises.</summary>
    public Action<string> Warn { get; init; } = _ => { };

    /// <summary>Told the text of each record that was rendered from OpenAI's fields, without its end.</summary>
    public Action<string> Rendered { get; init; } = _ => { };
}
