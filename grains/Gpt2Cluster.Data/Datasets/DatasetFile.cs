namespace Gpt2Cluster.Data.Datasets;

/// <summary>How a file of a dataset is read.</summary>
public enum DatasetFileKind
{
    /// <summary>UTF-8 text: one document a file.</summary>
    Text,

    /// <summary>NumPy arrays of tokens: one document a file.</summary>
    Npz,

    /// <summary>A JSON object a line: one document a line, the field <c>text</c>.</summary>
    JsonLines,

    /// <summary>Comma-separated values with a header: one document a row, the column <c>text</c>.</summary>
    Csv,
}

/// <summary>One file of a dataset.</summary>
/// <param name="Path">Where it lies.</param>
/// <param name="Kind">How it is read.</param>
/// <param name="Bytes">Its size.</param>
public sealed record DatasetFile(string Path, DatasetFileKind Kind, long Bytes)
{
    /// <summary>The file at a path; the extension tells the kind.</summary>
    public static DatasetFile At(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var kind = System.IO.Path.GetExtension(path).ToUpperInvariant() switch
        {
            ".NPZ" => DatasetFileKind.Npz,
            ".JSONL" => DatasetFileKind.JsonLines,
            ".CSV" => DatasetFileKind.Csv,
            _ => DatasetFileKind.Text,
        };
        return new DatasetFile(path, kind, new FileInfo(path).Length);
    }
}
