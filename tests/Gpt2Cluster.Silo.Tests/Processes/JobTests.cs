using System.Text.Json;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Jobs;

namespace Gpt2Cluster.Silo.Tests.Processes;

public sealed class JobTests
{
    private const int PollCount = 60;

    [Fact]
    public async Task Generates_describes_the_machine_and_refuses_what_does_not_fit()
    {
        using var folder = new TestFolder();
        using var silo = await SiloProcess.StartReady(folder.Path, "--redis", "embedded:0", "--name", "alpha");
        await using var client = await TestClient.Connect(silo);
        var scratch = new ParameterSource { Kind = ParameterSourceKind.Scratch, Name = "tiny" };

        var generated = await Run(client, new JobRequest
        {
            Generate = new GenerateRequest { Source = scratch, Length = 8, Count = 2, Precision = "fp32" },
        });
        var samples = generated.Where(line => Text(line, "event") == "sample").ToList();
        Assert.Equal(2, samples.Count);
        foreach (var sample in samples)
        {
            var pieces = generated.Where(line => Text(line, "event") == "token"
                && line.GetProperty("sample").GetInt32() == sample.GetProperty("index").GetInt32());
            Assert.Equal(Text(sample, "text"), string.Concat(pieces.Select(piece => Text(piece, "text"))));
        }

        var machine = (await Run(client, new JobRequest { Doctor = new DoctorRequest() }))[^1];
        Assert.Equal("result", Text(machine, "event"));
        Assert.Equal("cpu", Text(machine, "device"));
        Assert.Equal(64, Text(machine, "fingerprint").Length);

        var refused = (await Run(client, new JobRequest
        {
            Generate = new GenerateRequest { Source = scratch, Length = 1000 },
        }))[^1];
        Assert.Equal("error", Text(refused, "event"));
        Assert.Contains("beyond the model's context of 128 tokens", Text(refused, "message"));

        var unknown = new ParameterSource { Kind = ParameterSourceKind.Run, Name = "nobody" };
        var missing = (await Run(client, new JobRequest { Generate = new GenerateRequest { Source = unknown } }))[^1];
        Assert.True(missing.GetProperty("is_not_found").GetBoolean());
    }

    private static async Task<List<JsonElement>> Run(TestClient client, JobRequest request)
    {
        var job = client.Grains.Job(new JobId(new WorkerId("alpha", 0), Guid.NewGuid().ToString("N")));
        await job.Start(request);
        var lines = new List<JsonElement>();
        for (var left = PollCount; left > 0; left--)
        {
            var news = await job.EventsAfter(lines.Count);
            lines.AddRange(news.Select(line => JsonDocument.Parse(line.Json).RootElement));
            if (lines.Count > 0 && Text(lines[^1], "event") is "result" or "error")
                return lines;
        }

        throw new TimeoutException($"the job said {lines.Count} events and no result");
    }

    private static string Text(JsonElement line, string name) => line.GetProperty(name).GetString()!;
}
