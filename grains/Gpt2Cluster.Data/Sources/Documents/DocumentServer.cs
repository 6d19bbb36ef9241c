using System.Text;
using System.Text.Json;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>The other end of a <see cref="DocumentProcess"/>: what runs in it.</summary>
public static class DocumentServer
{
    private const int BufferBytes = 256 << 10;

    /// <summary>Reads files until nobody asks any more.</summary>
    /// <param name="requests">A request a line.</param>
    /// <param name="answers">The documents.</param>
    public static void Serve(Stream requests, Stream answers)
    {
        using var lines = new StreamReader(requests, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        using var buffered = new BufferedStream(answers, BufferBytes);
        var frames = new DocumentFrameWriter(buffered);
        while (lines.ReadLine() is { } line)
        {
            try
            {
                Answer(JsonSerializer.Deserialize<DocumentRequest>(line)!, frames);
                frames.Write(FrameKind.Done, "");
            }
            catch (UserErrorException problem)
            {
                frames.Write(FrameKind.Fault, problem.Message);
            }
            catch (NoTextException problem)
            {
                frames.Write(FrameKind.NoText, $"{problem.Fault}\n{problem.Remedy}");
            }
        }
    }

    private static void Answer(DocumentRequest request, DocumentFrameWriter frames)
    {
        var format = DocumentFormats.All.OfType<LibraryFormat>().Single(format => format.Name == request.Format);
        var options = new SourceOptions
        {
            TextField = request.TextField,
            Encoding = request.Encoding is null ? null : TextEncodings.Named(request.Encoding),
            Warn = sentence => frames.Write(FrameKind.Warning, sentence),
        };
        format.ReadHere(new SourceFile(request.Path, request.Name, format, 0), options, frames);
    }
}
