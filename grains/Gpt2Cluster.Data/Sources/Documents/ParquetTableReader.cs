using System.Text;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Threads;
using Parquet;
using Parquet.Schema;

namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>Reads the texts of a Parquet table with Parquet.Net: a document for each row that has one.</summary>
internal static class ParquetTableReader
{
    // A column of one row group is in memory at a time.
    private const int MostRowsOfGroup = 64 << 20;

    /// <summary>Reads a file.</summary>
    public static void Read(SourceFile file, SourceOptions options, IDocumentSink sink) =>
        ReadAsync(file, options.TextField ?? SourceOptions.DefaultTextField, sink).WaitHere();

    private static async Task ReadAsync(SourceFile file, string name, IDocumentSink sink)
    {
        await using var stream = file.OpenRead();
        ParquetFooter.Check(stream);
        await using var reader = await ParquetReader.CreateAsync(stream).ConfigureAwait(false);
        var field = TextColumn(file, reader.Schema, name);
        var row = 0L;
        for (var index = 0; index < reader.RowGroupCount; index++)
        {
            using var group = reader.OpenRowGroupReader(index);
            if (group.RowCount is < 0 or > MostRowsOfGroup)
                throw new InvalidDataException($"a row group of {group.RowCount} rows");
            var texts = new string?[group.RowCount];
            await group.ReadAsync(field, texts!, null).ConfigureAwait(false);
            foreach (var text in texts)
            {
                row++;
                if (text is null)
                    continue;
                sink.BeginDocument($"{file.Name}:{row}");
                sink.Text(Encoding.UTF8.GetBytes(text));
                sink.EndDocument();
            }
        }
    }

    private static DataField TextColumn(SourceFile file, ParquetSchema schema, string name)
    {
        if (schema.DataFields.FirstOrDefault(field => field.Path.ToString() == name) is not { } found)
        {
            var others = string.Join(", ", schema.DataFields.Take(8).Select(field => $"\"{field.Path}\""));
            throw new UserErrorException($"{file.Name} has no column \"{name}\", only {others}; name the column with "
                + "the texts with --text-field.");
        }

        return IsText(found) && found.MaxRepetitionLevel == 0
            ? found
            : throw new UserErrorException($"The column \"{name}\" of {file.Name} holds no texts; name another with "
                + "--text-field.");
    }

    private static bool IsText(DataField field) =>
        field.ClrType == typeof(ReadOnlyMemory<char>) || field.ClrType == typeof(string);
}
