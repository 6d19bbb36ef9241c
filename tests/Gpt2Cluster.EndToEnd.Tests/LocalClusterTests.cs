using System.Diagnostics;
using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests;

/// <summary>
/// The silos of a local cluster live as long as their client, whatever way it ends; those of submit until stop.
/// </summary>
public sealed class LocalClusterTests
{
    private const int ManySteps = 100_000;

    /// <summary>Ten seconds, and what the start of a client may take on a machine that is busy.</summary>
    private static readonly TimeSpan PauseBound = TimeSpan.FromSeconds(15);

    [Fact]
    public void A_command_leaves_nobody_behind()
    {
        using var folder = new TestFolder();
        using var client = ClientProcess.Run(folder, "workers", "--silos", "2", "--json");
        Assert.True(client.WaitForExit() == 0, client.Said);
        Assert.Equal(2, client.Output.Split('\n').Length);
        folder.AssertNobodyIsLeft();
    }

    [Fact]
    public void A_client_killed_at_work_leaves_nobody_behind()
    {
        using var folder = new TestFolder();
        using var client = ClientProcess.Start(folder, Training.Small(ManySteps));
        client.WaitFor("submitted", _ => true);
        client.Kill();
        folder.AssertNobodyIsLeft();
    }

    [Fact]
    public void A_client_killed_while_it_starts_leaves_nobody_behind()
    {
        using var folder = new TestFolder();
        using var client = ClientProcess.Start(folder, "workers");
        folder.WaitUntil(() => folder.Processes().Count >= 2, "the supervisor and a silo to be there");
        client.Kill();
        folder.AssertNobodyIsLeft();
    }

    [Fact]
    public void A_supervisor_killed_leaves_nobody_behind()
    {
        using var folder = new TestFolder();
        using var client = ClientProcess.Start(folder, Training.Small(ManySteps));
        client.WaitFor("submitted", _ => true);
        Process.GetProcessById(Supervisor(folder)).Kill();
        Assert.True(client.WaitForExit() == 3, client.Said);
        folder.AssertNobodyIsLeft();
    }

    [Fact]
    public void Submit_leaves_the_cluster_a_dead_silo_comes_back_and_stop_ends_it()
    {
        using var folder = new TestFolder();
        using var submit = ClientProcess.Run(folder, ["submit", .. Training.Small(ManySteps)[1..]]);
        Assert.True(submit.WaitForExit() == 0, submit.Said);

        var killed = Silo(folder)!.Value;
        Process.GetProcessById(killed).Kill();
        folder.WaitUntil(() => Silo(folder) is { } silo && silo != killed, "the silo to be started again");
        using var workers = ClientProcess.Run(folder, "workers", "--json");
        Assert.True(workers.WaitForExit() == 0, workers.Said);
        Assert.Contains("silo1/0", workers.Output, StringComparison.Ordinal);

        using var stop = ClientProcess.Run(folder, "stop");
        Assert.True(stop.WaitForExit() == 0, stop.Said);
        folder.AssertNobodyIsLeft();
    }

    /// <summary>The run waits for the silos that watching or training it starts.</summary>
    [Fact]
    public void Who_resumes_a_run_by_silos_of_its_own_is_told_that_they_end_with_it()
    {
        using var folder = new TestFolder();
        using var train = ClientProcess.Start(folder, Training.Small(3, "--pause-at", "1"));
        Training.HashOf(train, "paused");
        using var resume = ClientProcess.Run(folder, "resume", "run1");
        Assert.True(resume.WaitForExit() == 0, resume.Said);
        Assert.Contains("end with this command; 'watch run1'", resume.Said, StringComparison.Ordinal);
        folder.AssertNobodyIsLeft();
        using var watch = ClientProcess.Run(folder, "watch", "run1");
        Assert.True(watch.WaitForExit() == 0, watch.Said);
        Assert.True(watch.Output.Contains("completed", StringComparison.Ordinal), watch.Said);
    }

    [Fact]
    public void Two_clients_at_once_start_one_cluster()
    {
        using var folder = new TestFolder();
        using var first = ClientProcess.Start(folder, ["submit", .. Training.Small(ManySteps, "--run", "a")[1..]]);
        using var second = ClientProcess.Start(folder, ["submit", .. Training.Small(ManySteps, "--run", "b")[1..]]);
        Assert.True(first.WaitForExit() == 0, first.Said);
        Assert.True(second.WaitForExit() == 0, second.Said);
        Assert.Equal(2, folder.Processes().Count);
        using var stop = ClientProcess.Run(folder, "stop");
        Assert.True(stop.WaitForExit() == 0, stop.Said);
        folder.AssertNobodyIsLeft();
    }

    [Fact]
    public void A_run_submitted_to_the_silos_of_a_train_outlives_it()
    {
        using var folder = new TestFolder();
        using var train = ClientProcess.Start(folder, Training.Small(ManySteps, "--run", "watched"));
        train.WaitFor("step", _ => true);
        using var submit = ClientProcess.Run(folder, ["submit", .. Training.Small(ManySteps, "--run", "left")[1..]]);
        Assert.True(submit.WaitForExit() == 0, submit.Said);

        train.SendInterrupt();
        Assert.True(train.WaitForExit() == 130, train.Said);
        using var watch = ClientProcess.Start(folder, "watch", "left", "--json");
        watch.WaitFor("step", step => step.GetProperty("step").GetInt64() > 2);
        Assert.Equal(2, folder.Processes().Count(process => process != watch.Id));
        watch.Kill();

        using var stop = ClientProcess.Run(folder, "stop", "--json");
        Assert.True(stop.WaitForExit() == 0, stop.Said);
        Assert.Equal("{\"stopped\":true}", stop.Output);
        folder.AssertNobodyIsLeft();
    }

    /// <summary>The command line promises an answer within ten seconds, whatever the silos do.</summary>
    [Fact]
    public void A_pause_gives_a_frozen_silo_up_in_time()
    {
        using var folder = new TestFolder();
        using var submit = ClientProcess.Run(folder, ["submit", .. Training.Small(ManySteps)[1..]]);
        Assert.True(submit.WaitForExit() == 0, submit.Said);
        var silo = Silo(folder)!.Value;
        Signal(silo, "STOP");
        var watch = Stopwatch.StartNew();
        using var pause = ClientProcess.Run(folder, "pause", "run1");
        Assert.True(pause.WaitForExit() == 3, pause.Said);
        Assert.True(watch.Elapsed < PauseBound, $"{watch.Elapsed} is too late: {pause.Said}");

        Process.GetProcessById(Supervisor(folder)).Kill();
        Signal(silo, "CONT");
        folder.AssertNobodyIsLeft();
    }

    private static void Signal(int process, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{process}"]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }

    /// <summary>The run pauses, its client ends, and the silos with it: before stop would have asked them to.</summary>
    [Fact]
    public void Stop_waits_for_silos_that_end_with_their_own_client()
    {
        using var folder = new TestFolder();
        using var train = ClientProcess.Start(folder, Training.Small(ManySteps));
        train.WaitFor("step", _ => true);
        using var stop = ClientProcess.Run(folder, "stop");
        Assert.True(stop.WaitForExit() == 0, stop.Said);
        Assert.Empty(folder.Processes().Where(process => process != train.Id));
        train.WaitForExit();
        folder.AssertNobodyIsLeft();
    }

    private static int Supervisor(TestFolder folder) =>
        folder.ClusterRecord()!.Value.GetProperty("supervisor").GetProperty("process_id").GetInt32();

    private static int? Silo(TestFolder folder) =>
        folder.ClusterRecord() is { } record && record.GetProperty("silos")[0].GetProperty("process") is { } process
            && process.ValueKind == JsonValueKind.Object
            ? process.GetProperty("process_id").GetInt32()
            : null;
}
